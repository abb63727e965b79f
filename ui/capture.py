"""A picture of the cockpit at work, for the README: nano, a real session, a real question.

python -m ui.capture docs/cockpit.svg
"""

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

from agent.watch import private_folder
from ui.app import Cockpit, Places
from ui.approval_screen import ApprovalScreen
from ui.runner import SessionSetup

SIZE = (120, 36)
_SECONDS = 300.0
"""Ceiling; 10 s on an idle machine."""


async def captured(task: str, folder: Path) -> str:
    """The SVG of the moment the agent asks for its first action."""
    places = Places(sockets=folder, history=None, runs=folder / "runs", results=folder / "results")
    app = Cockpit(places, SessionSetup(mode="always", out=folder / "runs"))
    async with app.run_test(size=SIZE) as pilot:
        app.begin(task)
        until = time.monotonic() + _SECONDS
        while not isinstance(app.screen, ApprovalScreen):
            if time.monotonic() > until:
                raise TimeoutError(f"no question within {_SECONDS} s; {app.progress.trouble}")
            await pilot.pause(0.1)
        app.clear_notifications()
        await pilot.pause(0.5)
        picture = app.export_screenshot()
        app.action_halt()
        await pilot.pause(1.0)
        app.action_leave()
    return picture


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--task", default="@navigate-tree")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mh-") as name:
        picture = asyncio.run(captured(options.task, private_folder(Path(name) / "s")))
    options.out.write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    main()
