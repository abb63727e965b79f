"""A room without walls: programs run on this machine as the user's own would.

Only for who says so (`--no-sandbox`). A home of their own, and nothing of our environment, is
all that is kept from them.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from env.errors import DesktopUnavailable
from env.process import end, scratch_folder
from env.room import Application, Room, Streams, require


class Unconfined(Room):
    def __init__(self) -> None:
        require("setpriv", "util-linux")
        self._folder = scratch_folder("home")
        self.home_inside = str(self._folder)
        self._applications: list[UnconfinedApplication] = []
        self._closed = False

    @property
    def is_open(self) -> bool:
        return not self._closed

    def path(self, inside: str) -> Path:
        return Path(inside)

    def launch(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        folder: str | None = None,
        streams: Streams | None = None,
    ) -> "UnconfinedApplication":
        streams = streams or Streams()
        program = shutil.which(command[0], path=environment.get("PATH", os.defpath))
        if program is None:
            raise DesktopUnavailable(f"{command[0]} did not start: no such program here")
        given = (streams.stdin, streams.stdout, streams.stderr)
        stdin, stdout, stderr = (subprocess.DEVNULL if it is None else it for it in given)
        process = subprocess.Popen(
            ("setpriv", "--pdeathsig", "KILL", "--", program, *command[1:]),
            env=dict(environment),
            cwd=folder or self.home_inside,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
        started = UnconfinedApplication(process)
        self._applications.append(started)
        return started

    def executable(self, program: str) -> Path:
        return Path(program)

    def close(self) -> None:
        self._closed = True
        # Last started, first ended: the bus goes when nobody speaks on it any more.
        for application in reversed(self._applications):
            application.end()
        shutil.rmtree(self._folder, ignore_errors=True)


class UnconfinedApplication(Application):
    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def wait(self, timeout_seconds: float | None = None) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(timeout_seconds)
        return None

    def signal(self, number: int) -> None:
        if self._process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.Signals(number))

    def end(self) -> None:
        end(self._process)
