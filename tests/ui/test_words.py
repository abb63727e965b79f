import asyncio

from textual.app import App, ComposeResult

from ui.words import Words


class Page(App[None]):
    CSS = "Words { height: auto; width: 20; }"

    def compose(self) -> ComposeResult:
        yield Words(id="keeping", keeps=True)
        yield Words(id="other")


def test_words_that_keep_their_height_grow_and_shrink_only_when_told_to_forget() -> None:
    async def go() -> None:
        app = Page()
        async with app.run_test(size=(40, 20)) as pilot:
            keeping, other = app.query_one("#keeping", Words), app.query_one("#other", Words)

            async def heights(text: str) -> tuple[int, int]:
                keeping.tell(text)
                other.tell(text)
                await pilot.pause()
                return keeping.size.height, other.size.height

            assert await heights("one") == (1, 1)
            assert await heights("one\ntwo\nthree") == (3, 3)
            assert await heights("one") == (3, 1)
            keeping.forget()
            assert await heights("one\ntwo") == (2, 2)

    asyncio.run(go())
