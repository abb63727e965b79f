"""The room of a virtual desktop: programs are started in it, their files read from it."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from env.errors import DesktopUnavailable
from env.room import Limits, Room, Streams
from env.sandbox import Sandbox
from env.screen import ScreenSize
from env.unconfined import Unconfined
from env.virtual import VirtualDesktop

TOLD = {"PATH": "/usr/bin:/bin"}


@pytest.fixture(scope="module", params=["sandbox", "unconfined"])
def room(request: pytest.FixtureRequest) -> Iterator[Room]:
    opened: Room = Sandbox() if request.param == "sandbox" else Unconfined()
    yield opened
    opened.close()
    opened.close()


def test_a_command_is_waited_for(room: Room) -> None:
    done = room.run(
        ("sh", "-c", "cat; echo bad >&2; exit 3"), TOLD, timeout_seconds=20, stdin=b"good"
    )
    assert (done.returncode, done.stdout, done.stderr) == (3, b"good", b"bad\n")
    assert not done.timed_out


def test_a_command_that_takes_too_long_is_ended(room: Room) -> None:
    done = room.run(("sh", "-c", "echo begun; sleep 60"), TOLD, timeout_seconds=1.0)
    assert done.timed_out
    assert done.returncode == -signal.SIGKILL
    assert done.text == "begun\n"


def test_what_a_command_leaves_running_keeps_nobody_waiting(room: Room) -> None:
    done = room.run(("sh", "-c", "sleep 30 & echo left"), TOLD, timeout_seconds=20)
    assert done.text == "left\n"


def test_a_program_that_is_not_there_is_named(room: Room) -> None:
    with pytest.raises(DesktopUnavailable, match="no-such-program"):
        room.launch(("no-such-program",), TOLD)


def test_an_application_runs_until_it_is_told_to_end(room: Room) -> None:
    application = room.launch(("sleep", "60"), TOLD)
    assert application.poll() is None
    application.signal(signal.SIGTERM)
    assert application.wait(10.0) == -signal.SIGTERM
    application.kill()


def test_a_file_put_there_is_read_by_applications_and_theirs_by_us(room: Room) -> None:
    home = room.home_inside
    room.write_file(f"{home}/Desktop/a file.txt", "ä\n".encode())
    assert room.path(f"{home}/Desktop/a file.txt").read_text() == "ä\n"
    room.run(("sh", "-c", "cp 'Desktop/a file.txt' copy"), TOLD, timeout_seconds=20)
    assert room.read_file(f"{home}/copy") == "ä\n".encode()
    with pytest.raises(FileNotFoundError, match="nothing-here"):
        room.read_file(f"{home}/nothing-here")


def test_an_application_speaks_through_the_descriptors_it_is_given(room: Room) -> None:
    reader, writer = os.pipe()
    with os.fdopen(reader) as heard:
        application = room.launch(("echo", "hello"), TOLD, streams=Streams(stdout=writer))
        os.close(writer)
        assert heard.read() == "hello\n"
    assert application.wait(10.0) == 0


def test_programs_share_one_sandbox() -> None:
    sandbox = Sandbox()
    try:
        sleeping = sandbox.launch(("sleep", "61"), TOLD)
        seen = sandbox.run(
            ("grep", "-l", "sleep", "-r", "/proc", "--include=comm"), TOLD, timeout_seconds=20
        )
        assert "comm" in seen.text
        assert sleeping.poll() is None
    finally:
        sandbox.close()
    assert sleeping.poll() is not None


def test_the_users_workspace_is_written_and_what_is_shown_is_not(tmp_path: Path) -> None:
    workspace, shown = tmp_path / "workspace", tmp_path / "shown"
    for folder in (workspace, shown):
        folder.mkdir()
        (folder / "file").write_text("old")
    sandbox = Sandbox(workspace=workspace, shown=(shown,))
    try:
        script = f"cat {shown}/file; echo new >workspace/file; echo new >{shown}/file"
        done = sandbox.run(("sh", "-c", script), TOLD, timeout_seconds=20)
    finally:
        sandbox.close()
    assert done.stdout == b"old"
    assert b"Read-only" in done.stderr
    assert (workspace / "file").read_text() == "new\n"
    assert (shown / "file").read_text() == "old"


def test_a_sandbox_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DesktopUnavailable, match="cannot keep programs apart"):
        Sandbox(shown=(tmp_path / "nothing",))


def test_a_home_that_is_full_is_full(tmp_path: Path) -> None:
    sandbox = Sandbox(limits=Limits(home_bytes=2**20))
    try:
        with pytest.raises(OSError, match="No space left"):
            sandbox.write_file("/home/user/large", b"x" * 2**21)
    finally:
        sandbox.close()


def test_a_link_that_an_application_leaves_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("of the world outside")
    with VirtualDesktop(ScreenSize(64, 64)) as desktop:
        before = desktop.workspace
        script = f"rmdir workspace && ln -s {tmp_path} workspace && ln -s {tmp_path}/secret here"
        assert desktop.run(("sh", "-c", script), timeout_seconds=20).returncode == 0
        for inside in ("workspace/secret", "workspace", "here"):
            with pytest.raises(OSError, match="symbolic links"):
                desktop.room.path(f"{desktop.home_inside}/{inside}")
        assert list(desktop.workspace.iterdir()) == []
        assert desktop.workspace == before
        with pytest.raises(FileNotFoundError):
            desktop.room.read_file(f"{desktop.home_inside}/here")
