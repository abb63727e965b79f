"""Where the applications of a virtual desktop live: how they are started, where their files are.

A room is a sandbox (`env.sandbox`) or, if the user says so, this machine as it is
(`env.unconfined`). Who opens one closes it.
"""

import os
import shutil
import signal
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from env.errors import DesktopUnavailable

HOME_INSIDE = "/home/user"
"""As OSWorld's task files have it."""

SEARCH_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games"

MAX_OUTPUT_BYTES = 16 * 2**20
"""Of what a command wrote, this much is read; the rest is dropped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What all programs in a room may use together."""

    tasks: int = 2048
    """Processes and threads; a browser with some tabs has 250."""
    memory_bytes: int = 6 * 2**30
    """Their files in /home, /tmp and /dev/shm, which lie in memory, included."""
    home_bytes: int = 2 * 2**30
    scratch_bytes: int = 2**30
    """/tmp and /dev/shm, each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A command that was waited for."""

    returncode: int
    """As `subprocess` has it: negative is the signal that ended it."""
    stdout: bytes
    stderr: bytes
    timed_out: bool
    """It was killed because its time was up."""

    @property
    def text(self) -> str:
        return self.stdout.decode("utf-8", "replace")


class Application(ABC):
    """A program that was started; it ends with its room at the latest."""

    @abstractmethod
    def wait(self, timeout_seconds: float | None = None) -> int | None:
        """How it ended, as `subprocess` counts; None: it was still running at the time-out."""

    def poll(self) -> int | None:
        return self.wait(0.0)

    @abstractmethod
    def signal(self, number: int) -> None:
        """To the program and what it started in its own session; nothing if it has ended."""

    def kill(self) -> None:
        """End it, and return when it has ended."""
        self.signal(signal.SIGKILL)
        self.wait(10.0)


@dataclass(frozen=True, slots=True)
class Streams:
    """File descriptors a program is started with; whoever opened them closes them."""

    stdin: int | None = None
    """None: nothing to read, and what is written is dropped."""
    stdout: int | None = None
    stderr: int | None = None


class Room(ABC):
    home_inside: str
    """The home folder, as applications know it."""

    @property
    @abstractmethod
    def is_open(self) -> bool:
        """Programs can be started in it; False: it was closed, or ended."""

    @abstractmethod
    def path(self, inside: str) -> Path:
        """Where a file of the room is, seen from here.

        A link that an application puts there later leads outside, so what applications may
        have written is read by `read_file`.

        Raises:
            OSError: in a sandbox there is a link on the way, which might lead outside (ELOOP).
        """

    @abstractmethod
    def launch(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        folder: str | None = None,
        streams: Streams | None = None,
    ) -> Application:
        """Start a program and leave it running.

        Args:
            folder: as applications know it; None: their home.

        Raises:
            DesktopUnavailable: there is no such program, or the room is gone.
        """

    @abstractmethod
    def executable(self, program: str) -> Path:
        """A file that, when run here, runs the program in the room: its arguments, its
        environment and its descriptors 0 to 4 are handed on, and it ends with it."""

    @abstractmethod
    def close(self) -> None:
        """End everything in it. Safe to call twice."""

    def run(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        timeout_seconds: float,
        folder: str | None = None,
        stdin: bytes = b"",
    ) -> Finished:
        """Run a command to its end, or to the end of its time."""
        with _scratch(stdin) as given, _scratch() as out, _scratch() as err:
            started = self.launch(
                command, environment, folder=folder, streams=Streams(given, out, err)
            )
            returncode = started.wait(timeout_seconds)
            timed_out = returncode is None
            if returncode is None:
                started.kill()
                returncode = -signal.SIGKILL
            return Finished(
                returncode=returncode,
                stdout=os.pread(out, MAX_OUTPUT_BYTES, 0),
                stderr=os.pread(err, MAX_OUTPUT_BYTES, 0),
                timed_out=timed_out,
            )

    def read_file(self, inside: str) -> bytes:
        """The bytes of a file, read by a program of the room: no link leads out of it.

        Raises:
            FileNotFoundError: it is not there or cannot be read.
        """
        done = self.run(("cat", "--", inside), {"PATH": SEARCH_PATH}, timeout_seconds=_FILE_SECONDS)
        if done.returncode != 0:
            said = done.stderr.decode("utf-8", "replace").strip()
            raise FileNotFoundError(said or f"{inside} could not be read")
        return done.stdout

    def write_file(self, inside: str, data: bytes) -> None:
        """Write a file, its folders made as needed.

        Raises:
            OSError: it cannot be written, or there is no room for it.
        """
        script = 'mkdir -p -- "$(dirname -- "$1")" && cat >"$1"'
        done = self.run(
            ("sh", "-c", script, "sh", inside),
            {"PATH": SEARCH_PATH},
            timeout_seconds=_FILE_SECONDS,
            stdin=data,
        )
        if done.returncode != 0:
            said = done.stderr.decode("utf-8", "replace").strip()
            raise OSError(said or f"{inside} could not be written")


_FILE_SECONDS = 60.0


@contextmanager
def _scratch(content: bytes = b"") -> Iterator[int]:
    """A file without a name, in memory: no child that lives on keeps the reader waiting."""
    descriptor = os.memfd_create("moonhand")
    try:
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(content)
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)


def require(program: str, package: str, path: str | None = None) -> str:
    """Where a program is on this machine.

    Raises:
        DesktopUnavailable: nowhere; the message names the package that has it.
    """
    found = shutil.which(program, path=path or SEARCH_PATH)
    if found is None:
        raise DesktopUnavailable(f"{program} is not installed; try: apt-get install {package}")
    return found
