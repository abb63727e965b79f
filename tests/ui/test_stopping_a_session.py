"""A session at work on a display that stands for the user's screen, and a person who stops it."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.reports import GoOn, Halt
from agent.watch import private_folder
from benchmarks.stop_proof.stage import opened_stage
from benchmarks.ui_session import QUIET_SECONDS, WorkedScreen, worked_screen
from env.stop_socket import runtime_folder, stop_one
from ui.emergency import stop_hands


@pytest.fixture(scope="module")
def worked() -> Iterator[WorkedScreen]:
    # Not below tmp_path: the path of a socket has 108 characters at most.
    with (
        tempfile.TemporaryDirectory(prefix="mh-") as name,
        opened_stage() as stage,
        worked_screen(stage, private_folder(Path(name) / "s")) as found,
    ):
        yield found


def test_escape_twice_stops_it(worked: WorkedScreen) -> None:
    worked.begin()
    for _ in range(2):
        worked.stage.person.tap("escape")
    over = worked.over()
    assert over.ending == "stopped"
    assert "escape" in over.reason
    assert worked.num_injected(QUIET_SECONDS) == 0
    assert worked.stage.held() == []


def test_a_person_who_types_takes_over_and_hands_back(worked: WorkedScreen) -> None:
    worked.begin()
    worked.stage.person.tap("a")
    worked.wait_for(lambda: worked.mood == "paused")
    assert worked.reason == "you have the desktop"
    assert worked.num_injected(QUIET_SECONDS) == 0
    worked.order(GoOn())
    worked.wait_until_typing()
    worked.order(Halt())
    assert worked.over().ending == "stopped"


def test_its_hands_are_stopped_while_its_process_is_frozen(worked: WorkedScreen) -> None:
    worked.begin()
    worked.freeze()
    stop_hands(worked.pid, "the key was pressed")
    # The lease of a frozen process lapses too; that it was the knock is told afterwards.
    worked.num_injected(QUIET_SECONDS)
    assert worked.num_injected(QUIET_SECONDS) == 0
    assert worked.stage.held() == []
    worked.thaw()
    over = worked.over()
    assert (over.ending, over.reason) == ("stopped", "the key was pressed")
    assert worked.num_injected(QUIET_SECONDS) == 0


def test_main_py_stop_finds_it(worked: WorkedScreen) -> None:
    worked.begin()
    stopped = stop_one(runtime_folder() / f"{worked.pid}.sock", "enough of it")
    assert stopped is not None
    assert (stopped.run, stopped.about, stopped.killed) == (worked.pid, "Type it.", False)
    over = worked.over()
    assert (over.ending, over.reason) == ("stopped", "enough of it")
