"""A machine for tasks: a virtual desktop, made up as OSWorld's task files expect one.

They run `python` with pyautogui, `google-chrome` and `sudo`, and end `chrome`: small
programs first on the search path stand for what Debian calls otherwise. All of it runs in the
desktop's sandbox, whose home is /home/user and whose network is its own: four machines side by
side may all use port 9222.
"""

import errno
import platform
import struct
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from env.chromium import chromium_executable
from env.errors import DesktopUnavailable
from env.room import SEARCH_PATH, Application
from env.screen import Screenshot, ScreenSize
from env.tasks.inside import relay
from env.tasks.inside.relay import Relay, port_to_socket
from env.tasks.machine import RUN_SECONDS, Ran
from env.virtual import VirtualDesktop

TASK_SIZE = ScreenSize(1920, 1080)
"""What OSWorld's tasks are made for."""

MOST_BYTES = 512 * 2**20
"""Of one file that is fetched: it is held in memory here."""

_SHIMS = Path(__file__).with_name("inside") / "bin"
_RELAY = Path(relay.__file__)
_CHUNK_BYTES = 8 * 2**20
_FILE_SECONDS = 60.0
_FAMILY_LOCAL = 256
_COOKIE_BYTES = 16


def task_desktop(size: ScreenSize = TASK_SIZE) -> VirtualDesktop:
    """A desktop that a `SandboxedMachine` can be made of; the caller closes it.

    Raises:
        DesktopUnavailable: as `VirtualDesktop`.
    """
    python = {Path(sys.prefix), Path(sys.prefix).resolve()}
    return VirtualDesktop(size, accessible=True, shown=(*python, _SHIMS, _RELAY))


class SandboxedMachine:
    """Borrows the desktop, one that `task_desktop` opened; whoever opened it closes it, later."""

    def __init__(self, desktop: VirtualDesktop) -> None:
        """Raises `DesktopUnavailable`: the desktop was opened otherwise, or there is no browser."""
        self._desktop = desktop
        self._relays: dict[int, tuple[Relay, int, Application]] = {}
        self._told = {
            "PATH": f"{_SHIMS}:{SEARCH_PATH}:/usr/sbin:/sbin",
            "SHELL": "/bin/bash",
            "LOGNAME": "user",
            "MOONHAND_PYTHON": sys.executable,
            "MOONHAND_CHROMIUM": chromium_executable(),
        }
        bus = desktop.session_bus
        if bus is None or self.run(("test", "-x", str(_SHIMS / "python"))).returncode != 0:
            raise DesktopUnavailable("tasks need a desktop that task_desktop opened")
        self._bus = bus
        self._let_in()

    @property
    def home(self) -> str:
        return self._desktop.home_inside

    @property
    def size(self) -> ScreenSize:
        return self._desktop.size

    @property
    def architecture(self) -> str:
        return platform.machine()

    @property
    def environment(self) -> Mapping[str, str]:
        """What programs are told beyond what the desktop tells them."""
        return self._told

    def screenshot(self) -> Screenshot:
        return self._desktop.screenshot()

    def put_file(self, path: str, content: bytes) -> None:
        self._desktop.room.write_file(path, content)

    def get_file(self, path: str) -> bytes:
        told = self.run(("stat", "-Lc", "%s %F", "--", path), timeout=_FILE_SECONDS)
        size, _, kind = told.output.strip().partition(" ")
        if told.returncode != 0 or not kind.startswith("regular"):
            raise FileNotFoundError(told.error.strip() or f"{path} is a {kind}")
        if int(size) > MOST_BYTES:
            raise OSError(errno.EFBIG, f"{size} bytes, at most {MOST_BYTES} are fetched", path)
        content = b""
        # In pieces: of what a program says, only so much is heard.
        while len(content) < int(size):
            script = 'tail -c "+$1" -- "$3" | head -c "$2"'
            words = (str(len(content) + 1), str(_CHUNK_BYTES), path)
            piece = self.run(("sh", "-c", script, "sh", *words), timeout=_FILE_SECONDS).stdout
            if not piece:
                break
            content += piece
        return content

    def run(self, argv: Sequence[str], *, timeout: float = RUN_SECONDS) -> Ran:
        try:
            done = self._desktop.run(argv, timeout_seconds=timeout, environment=self._told)
        except DesktopUnavailable as error:
            raise FileNotFoundError(str(error)) from error
        return Ran(None if done.timed_out else done.returncode, done.stdout, done.stderr)

    def launch(self, argv: Sequence[str]) -> None:
        try:
            self._desktop.launch(argv, environment=self._told)
        except DesktopUnavailable as error:
            raise FileNotFoundError(str(error)) from error

    def accessibility_tree(self) -> str:
        from env.accessibility_tree import accessibility_xml

        return accessibility_xml(self._bus)

    def address_of(self, port: int) -> str:
        if port not in self._relays:
            inside = f"{self._desktop.environment['XDG_RUNTIME_DIR']}/port-{port}"
            python = str(Path(sys.base_prefix, "bin", "python3"))
            command = (python, "-I", "-S", str(_RELAY), inside, str(port))
            answering = self._desktop.launch(command)
            here, number = port_to_socket(self._desktop.room.path(inside))
            self._relays[port] = here, number, answering
        return f"127.0.0.1:{self._relays[port][1]}"

    def _let_in(self) -> None:
        """python-xlib looks for a cookie by the name of the host, which is the sandbox's own."""
        cookie = Path(self._desktop.environment["XAUTHORITY"]).read_bytes()[-_COOKIE_BYTES:]
        host = self.run(("uname", "-n")).stdout.strip()
        fields = (host, b"", b"MIT-MAGIC-COOKIE-1", cookie)
        entry = struct.pack(">H", _FAMILY_LOCAL)
        entry += b"".join(struct.pack(">H", len(field)) + field for field in fields)
        self._told["XAUTHORITY"] = f"{self.home}/.Xauthority"
        self.put_file(self._told["XAUTHORITY"], entry)

    def close(self) -> None:
        """Close the ways in. What runs on the machine is the desktop's to end. Safe to call
        twice."""
        for here, _, answering in self._relays.values():
            here.close()
            answering.kill()
        self._relays.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
