"""What setting up and judging need of a machine, and what they work with besides."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

from env.screen import Screenshot, ScreenSize
from env.tasks.errors import TaskRefused
from env.tasks.mirror import Mirror

RUN_SECONDS = 120.0
"""As long as OSWorld's server lets a command run."""


class Ran(NamedTuple):
    returncode: int | None
    """None: it was ended because its time was over."""
    stdout: bytes
    stderr: bytes

    @property
    def output(self) -> str:
        return self.stdout.decode("utf-8", "replace")

    @property
    def error(self) -> str:
        return self.stderr.decode("utf-8", "replace")


class Machine(Protocol):
    """A desktop with files and programs. All paths are the machine's own; whatever a task file
    says is done there, never here. Calls raise `DesktopLost` when it is gone."""

    @property
    def home(self) -> str:
        """The user's folder: "/home/user", which OSWorld's files take for granted."""

    @property
    def size(self) -> ScreenSize: ...

    @property
    def architecture(self) -> str:
        """As `uname -m` says."""

    def screenshot(self) -> Screenshot: ...

    def put_file(self, path: str, content: bytes) -> None:
        """Write a file, and the folders it is in.

        Raises:
            OSError: the machine does not let us.
        """

    def get_file(self, path: str) -> bytes:
        """Raises `OSError` (`FileNotFoundError`, ...) if it cannot be read."""

    def run(self, argv: Sequence[str], *, timeout: float = RUN_SECONDS) -> Ran:
        """Run a program and wait for it. What it leaves in the background lives on.

        Raises:
            OSError: there is no such program.
        """

    def launch(self, argv: Sequence[str]) -> None:
        """Start a program and go on; it ends with the machine. Raises `OSError` as `run`."""

    def accessibility_tree(self) -> str:
        """What applications show, as OSWorld's XML."""

    def address_of(self, port: int) -> str:
        """ "127.0.0.1:41234": where a port of the machine's loopback is reached from here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What a task is set up and judged with."""

    machine: Machine
    folder: Path
    """Ours, one for each task run: outputs of set-up steps, files taken off the machine."""
    mirror: Mirror = field(default_factory=Mirror)
    task_id: str = ""
    beside: Path | None = None
    """The folder of the task file, which `upload_file` reads from."""
    exact: bool = False
    """Keep OSWorld's flaws (`--osworld-exact`)."""
    password: str = "password"
    """Of the machine's user."""

    def file(self, name: str) -> Path:
        """Where a file that a task names is kept here.

        Raises:
            TaskRefused: the name leads out of the folder.
        """
        path = self.folder / name
        if not name or Path(name).is_absolute() or ".." in Path(name).parts:
            raise TaskRefused(f"{name!r} is no name inside the task's folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        return path
