"""What is drawn when, of an episode as a session tells it."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from agent.announce import jpeg_of
from agent.reports import Acted, Began, Glimpse, Opened, Planned, Report, Saw, State
from env.actions import Click, Point
from env.fake import BUTTON, FAKE_SIZE, FakeDesktop
from ui.connection import Reported
from ui.picture import BlockPicture
from ui.trial import cockpit, text_of, until

BEGUN: list[Report] = [
    Opened(session="a", pid=1, model="nano", desktop="fake", unattended="go on"),
    State(mood="working"),
    Began(
        task="free",
        instruction="Save.",
        max_steps=15,
        width=FAKE_SIZE.width,
        height=FAKE_SIZE.height,
        folder="",
    ),
]


def saw(step: int) -> Saw:
    return Saw(step=step, at=0.0, seconds=0.1, image=f"{step}", sent_before=True)


def test_a_settling_screen_is_drawn_early_and_once_and_as_what_no_step_has_seen(
    tmp_path: Path,
) -> None:
    desktop = FakeDesktop()
    before = jpeg_of(desktop.screenshot().image)
    desktop.perform(Click(Point(*BUTTON.center)))
    after = jpeg_of(desktop.screenshot().image)
    planned = Planned(
        step=1,
        thought="",
        sentence="Press it.",
        code="",
        words="click at 60, 102",
        points=(BUTTON.center,),
        seconds=0.1,
    )

    async def go() -> None:
        app = cockpit(tmp_path)
        async with app.run_test(size=(120, 40)) as pilot:

            async def tell(report: Report, true: Callable[[], bool]) -> float:
                app.post_message(Reported(report))
                await until(pilot, true)
                return app.screen.query_one("#live").query_one(BlockPicture).drawn_at

            for report in BEGUN:
                app.post_message(Reported(report))
            drawn = await tell(Glimpse(at=0.0, jpeg=before), lambda: app.progress.glimpse == before)
            assert drawn
            assert app.progress.steps == []
            await tell(saw(1), lambda: len(app.progress.steps) == 1)
            await tell(planned, lambda: "click" in text_of(app, "#caption"))
            ringed = await tell(
                Acted(step=1, count=1, seconds=0.1), lambda: "done" in text_of(app, "#headline")
            )
            drawn = await tell(Glimpse(at=0.0, jpeg=after), lambda: app.progress.glimpse == after)
            assert drawn > ringed
            assert text_of(app, "#headline") == "Step 1 of 15 · looking"
            assert text_of(app, "#caption") == "", "it is not what was clicked on"
            assert [step.jpeg for step in app.progress.steps] == [before]
            assert await tell(saw(2), lambda: len(app.progress.steps) == 2) == drawn
            assert [step.jpeg for step in app.progress.steps] == [before, after]
            assert app.progress.glimpse == b""

    asyncio.run(go())
