import json
from pathlib import Path

import pytest

from agent.work_clock import MOST_SECONDS, WorkClock


class Watch:
    """Shows what it is set to."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def test_it_counts_by_work_and_goes_on_from_what_was_counted(tmp_path: Path) -> None:
    path, watch = tmp_path / "deep" / "clock.json", Watch()
    with WorkClock(path, watch).going() as clock, clock.at("acting"):
        watch.seconds += 3.0
    assert json.loads(path.read_text())["acting"] == 3.0
    watch.seconds = 77.0
    with WorkClock(path, watch).going() as clock:
        watch.seconds += 1.0
        with clock.at("acting"):
            watch.seconds += 2.0
            assert clock.seconds == {"acting": 5.0, "other": 1.0}
        assert clock.hours == pytest.approx(6.0 / 3600)


def test_a_halt_is_no_work(tmp_path: Path) -> None:
    watch = Watch()
    with WorkClock(tmp_path / "clock.json", watch).going() as clock:
        watch.seconds += 3600.0
        assert clock.seconds == {"other": MOST_SECONDS}
