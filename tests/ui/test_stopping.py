"""`main.py stop` from another terminal, and the question after a pause."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.control import Control
from agent.events import Paused
from env.stop_socket import StopFolderUnsafe, StopSocket, stop_all
from ui.commands.stopping import Stop, stop
from ui.going_on import GoOnAtEnter
from ui.interrupt import StopOnInterrupt

PROGRAM = """
import sys, time
from pathlib import Path
from ui.interrupt import StopOnInterrupt
with StopOnInterrupt(about="water the plants", folder=Path(sys.argv[1])) as control:
    print("up", flush=True)
    while control.stopped is None:
        time.sleep(0.01)
    print(control.stopped, flush=True)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    private = tmp_path / "doors"
    private.mkdir(mode=0o700)
    return private


@pytest.fixture
def running(folder: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(folder)], stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "up\n"
        yield program
        program.kill()


def test_it_stops_what_runs_and_says_what_that_was(
    folder: Path, running: subprocess.Popen[str]
) -> None:
    said: list[str] = []
    assert stop(Stop(folder=folder), said.append) == 0
    assert said == [f"stopped {running.pid}: water the plants"]
    assert running.stdout is not None
    assert running.stdout.readline() == "stopped by main.py stop\n"
    assert running.wait(10.0) == 0
    said.clear()
    assert stop(Stop(folder=folder), said.append) == 1
    assert said == ["nothing is running"]


def test_what_does_not_answer_is_killed(folder: Path, running: subprocess.Popen[str]) -> None:
    running.send_signal(signal.SIGSTOP)
    # It may go on for a moment, and would answer.
    os.waitpid(running.pid, os.WUNTRACED)
    (stopped,) = stop_all(folder, "enough")
    assert (stopped.run, stopped.killed) == (running.pid, True)
    assert running.wait(10.0) == -signal.SIGKILL


def test_the_door_of_a_dead_process_is_cleared_away(
    folder: Path, running: subprocess.Popen[str]
) -> None:
    running.kill()
    running.wait()
    assert len(list(folder.iterdir())) == 1
    assert stop_all(folder, "enough") == []
    assert list(folder.iterdir()) == []


def test_only_its_user_may_open_the_door(folder: Path) -> None:
    door = StopSocket(folder, 1, "nothing")
    (path,) = folder.iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    door.close()
    assert not path.exists()


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o707])
def test_a_folder_that_others_may_enter_is_refused(folder: Path, mode: int) -> None:
    folder.chmod(mode)
    with pytest.raises(StopFolderUnsafe, match="not a folder of this user's alone"):
        StopSocket(folder, 1, "nothing")


def test_a_link_in_its_place_is_refused(folder: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(folder)
    with pytest.raises(StopFolderUnsafe):
        StopSocket(link, 1, "nothing")


@pytest.mark.parametrize(
    "said",
    [b"", b"stop", b"{}", b"[]", b'{"stop": 1}', b'{"stop": "a", "and": "b"}', b"\xff" * 5000],
)
def test_who_talks_nonsense_at_the_door_stops_nothing(folder: Path, said: bytes) -> None:
    door = StopSocket(folder, 1, "nothing")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        caller.connect(str(folder / f"{os.getpid()}.sock"))
        caller.sendall(said)
        caller.shutdown(socket.SHUT_WR)
        assert door.asked() is None
    door.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_the_end_of_the_terminal_is_a_stop(folder: Path, number: signal.Signals) -> None:
    with StopOnInterrupt(folder=folder) as control:
        signal.raise_signal(number)
        assert control.stopped == f"told to end by {number.name}"


def asked_after_a_pause(line: str | None) -> tuple[Control, list[str]]:
    control = Control()
    said: list[str] = []
    ask = GoOnAtEnter(control, said.append, None if line is None else lambda: line)
    control.pause("a person used the mouse", takeover=True)
    ask(Paused(step=1, reason="a person used the mouse", takeover=True))
    until = time.monotonic() + 5.0
    while control.paused and control.stopped is None and time.monotonic() < until:
        time.sleep(0.01)
    return control, said


def test_enter_lets_it_go_on() -> None:
    control, said = asked_after_a_pause("\n")
    assert (control.paused, control.stopped) == (None, None)
    assert said == ["  press Enter here to go on, Ctrl-C to stop"]


def test_a_closed_terminal_does_not() -> None:
    control, _ = asked_after_a_pause("")
    assert control.stopped == "the terminal was closed during a pause"


def test_without_anybody_to_ask_a_pause_is_a_stop() -> None:
    control, said = asked_after_a_pause(None)
    assert control.stopped == "a person used the mouse, and nobody is here to let it go on"
    assert said == []


def test_one_question_is_asked_at_a_time() -> None:
    control = Control()
    answered = threading.Event()
    num_asked = 0

    def read_line() -> str:
        nonlocal num_asked
        num_asked += 1
        answered.wait(5.0)
        return "\n"

    ask = GoOnAtEnter(control, lambda text: None, read_line)
    for _ in range(2):
        control.pause("a")
        ask(Paused(step=1, reason="a", takeover=False))
    answered.set()
    assert num_asked == 1
