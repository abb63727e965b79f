"""A cockpit on made-up runs, worked by keys: for tests of its screens."""

import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import DataTable, Static

from ui.app import Cockpit, Places
from ui.run_screen import RunScreen
from ui.runner import SessionSetup

Play = Callable[[Cockpit, "Pilot[None]"], Awaitable[None]]
"""What somebody does at the keys."""


def cockpit(folder: Path, theme: str = "night") -> Cockpit:
    """On a desktop in memory, with the runs and results of a folder and no history."""
    places = Places(sockets=folder, history=None, runs=folder / "runs", results=folder / "results")
    return Cockpit(places, SessionSetup(desktop="fake"), theme=theme)


async def until(pilot: "Pilot[None]", true: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for what comes by itself, and until it is drawn.

    Raises:
        AssertionError: it did not come in time.
    """
    end = time.monotonic() + seconds
    for came in (true, lambda: _is_drawn(pilot)):
        while not came():
            assert time.monotonic() < end, "it never came to that"
            await pilot.pause(0.02)
    await pilot.pause()


def _is_drawn(pilot: "Pilot[None]") -> bool:
    screen = pilot.app.screen
    return not isinstance(screen, RunScreen) or screen.is_drawn


async def opened(pilot: "Pilot[None]", key: str, kind: type[Screen[None]]) -> None:
    """Strike the key of a screen and wait until it is there."""
    await pilot.press(key)
    await until(pilot, lambda: isinstance(pilot.app.screen, kind))


def text_of(app: Cockpit, name: str) -> str:
    return str(app.screen.query_one(name, Static).content)


def rows(app: Cockpit, name: str) -> int:
    return app.screen.query_one(name, DataTable).row_count
