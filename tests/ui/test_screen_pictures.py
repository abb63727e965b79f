"""What the other screens look like: small and large, by night and by day.

A change of looks is accepted with `pytest tests/ui/test_screen_pictures.py --snapshot-update`.
"""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from textual.pilot import Pilot

from ui.app import Cockpit
from ui.board import BoardScreen
from ui.compare_screen import CompareScreen
from ui.doctor_screen import DoctorScreen
from ui.models_screen import ModelsScreen
from ui.record_screen import RecordScreen
from ui.replay_screen import ReplayScreen
from ui.specimens import FINDINGS, MODELS, write_evaluation, write_two_runs
from ui.trial import Play, cockpit, opened, rows, text_of, until

SMALL, MIDDLE, LARGE = (80, 24), (120, 40), (200, 60)

Compare = Callable[..., bool]


@pytest.fixture(autouse=True)
def greenwich() -> Iterator[None]:
    """What the screens write is local time."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "UTC"
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


async def settled(pilot: "Pilot[None]", true: Callable[[], bool]) -> None:
    await until(pilot, true)
    await pilot.pause(0.2)
    pilot.app.clear_notifications()
    # A cursor that blinks is half the time another picture.
    pilot.app.screen.set_focus(None)
    await pilot.pause()


def pictured(compare: Compare, folder: Path, size: tuple[int, int], theme: str, play: Play) -> bool:
    async def go(pilot: "Pilot[None]") -> None:
        assert isinstance(pilot.app, Cockpit)
        await play(pilot.app, pilot)

    return compare(cockpit(folder, theme), terminal_size=size, run_before=go)


@pytest.mark.parametrize(("size", "theme"), [(SMALL, "day"), (MIDDLE, "night")])
def test_replay(snap_compare: Compare, tmp_path: Path, size: tuple[int, int], theme: str) -> None:
    write_two_runs(tmp_path)

    async def play(app: Cockpit, pilot: "Pilot[None]") -> None:
        await opened(pilot, "f4", ReplayScreen)
        await settled(pilot, lambda: "Feed the cat" in text_of(app, "#past-task"))

    assert pictured(snap_compare, tmp_path, size, theme, play)


def test_comparison(snap_compare: Compare, tmp_path: Path) -> None:
    write_two_runs(tmp_path)

    async def play(app: Cockpit, pilot: "Pilot[None]") -> None:
        await opened(pilot, "f4", ReplayScreen)
        await until(pilot, lambda: rows(app, "#episodes") == 2)
        await pilot.press("c", "down", "c")
        await settled(pilot, lambda: isinstance(app.screen, CompareScreen))

    assert pictured(snap_compare, tmp_path, LARGE, "day", play)


@pytest.mark.parametrize(("size", "theme"), [(SMALL, "night"), (MIDDLE, "day"), (LARGE, "night")])
def test_board(snap_compare: Compare, tmp_path: Path, size: tuple[int, int], theme: str) -> None:
    write_evaluation(tmp_path)

    async def play(app: Cockpit, pilot: "Pilot[None]") -> None:
        await opened(pilot, "f5", BoardScreen)
        await settled(pilot, lambda: rows(app, "#losses") == 1)

    assert pictured(snap_compare, tmp_path, size, theme, play)


@pytest.mark.parametrize(("size", "theme"), [(SMALL, "day"), (LARGE, "night")])
def test_models(snap_compare: Compare, tmp_path: Path, size: tuple[int, int], theme: str) -> None:
    async def play(app: Cockpit, pilot: "Pilot[None]") -> None:
        await app.push_screen(ModelsScreen(lambda: (MODELS, 16 * 2**30)))
        await settled(pilot, lambda: rows(app, "#on-disk") == len(MODELS))

    assert pictured(snap_compare, tmp_path, size, theme, play)


@pytest.mark.parametrize(("size", "theme"), [(SMALL, "night"), (MIDDLE, "day")])
def test_doctor(snap_compare: Compare, tmp_path: Path, size: tuple[int, int], theme: str) -> None:
    async def play(app: Cockpit, pilot: "Pilot[None]") -> None:
        await app.push_screen(DoctorScreen(lambda: iter(FINDINGS)))
        await settled(pilot, lambda: "must be mended" in text_of(app, "#verdict"))

    assert pictured(snap_compare, tmp_path, size, theme, play)


@pytest.mark.parametrize(("size", "theme"), [(SMALL, "night"), (LARGE, "day")])
def test_record(snap_compare: Compare, tmp_path: Path, size: tuple[int, int], theme: str) -> None:
    async def play(app: Cockpit, pilot: "Pilot[None]") -> None:
        await opened(pilot, "f3", RecordScreen)
        await settled(pilot, lambda: True)

    assert pictured(snap_compare, tmp_path, size, theme, play)
