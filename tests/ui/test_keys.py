import asyncio
from pathlib import Path

from textual.pilot import Pilot

from ui.app import Cockpit
from ui.dialogs import HelpScreen
from ui.keys import Keys
from ui.trial import cockpit, until


def test_the_line_of_keys_says_what_can_be_done_and_a_click_on_one_is_that_key(
    tmp_path: Path,
) -> None:
    async def go(app: Cockpit) -> None:
        async with app.run_test(size=(100, 24)) as pilot:
            keys = app.screen.query_one(Keys)
            await until(pilot, lambda: "Help" in line_of(keys))
            told = line_of(keys)
            assert "Examples" in told
            assert "Stop" not in told, "nothing is being done"
            await click_on(pilot, keys, told.index("Help"))
            await until(pilot, lambda: isinstance(app.screen, HelpScreen))
            app.pop_screen()
            # Behind the last one.
            await click_on(pilot, keys, len(told.rstrip()) + 5)
            assert not isinstance(app.screen, HelpScreen)

    asyncio.run(go(cockpit(tmp_path)))


def line_of(keys: Keys) -> str:
    return keys.render_line(0).text


async def click_on(pilot: "Pilot[None]", keys: Keys, across: int) -> None:
    await pilot.click(keys, offset=(across, 0))
    await pilot.pause()
