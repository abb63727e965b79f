"""A window into a virtual desktop for a person: x11vnc, reached from this machine alone.

What a viewer does comes in through XTEST, as the agent's own input does: nobody can tell the
two apart, so a person is let in to work the desktop only where no agent does (`record`).

x11vnc runs outside the sandbox, since there is no network in it. So that applications, which
share the display with it, cannot use it as a way out, it obeys no property of the root window
(by one it would connect to any host, by another run its remote commands), starts no program
and passes no clipboard on.
"""

import os
import secrets
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from env.errors import DesktopUnavailable
from env.process import end, in_a_group
from env.room import SEARCH_PATH, require
from env.virtual import VirtualDesktop

START_SECONDS = 30.0
"""Ceiling; 0.3 s is usual."""

_FIRST_PORT = 5900
"""Of VNC, from there on the first that is free: viewers call it display 0."""

_CLOSED = (
    *("-norc", "-noremote", "-novncconnect", "-nocmds", "-nosel"),
    # Also no IPv6: -localhost is of IPv4.
    *("-localhost", "-no6", "-noipv6"),
)
_LOOKING = (
    # The display's shared memory is in a name space of its own (`env.sandbox.own_ipc`).
    "-noshm",
    # Neither guesses about moving windows nor the RECORD extension: the picture as it is.
    *("-nowireframe", "-noscrollcopyrect", "-noxrecord"),
    *("-forever", "-shared"),
)


class VncView:
    """Open from the constructor on. Close it before its desktop; it ends with that, too."""

    host = "127.0.0.1"

    def __init__(self, desktop: VirtualDesktop, *, view_only: bool = True) -> None:
        """
        Raises:
            DesktopUnavailable: x11vnc is missing, or did not start.
        """
        require("x11vnc", "x11vnc")
        # VNC looks at eight characters and no more: these are 48 random bits.
        self.password = secrets.token_urlsafe(6)
        self._folder = tempfile.TemporaryDirectory(prefix="moonhand-view-")
        self._process: subprocess.Popen[bytes] | None = None
        try:
            _write_secret(self.password_file, self.password)
            told = Path(self._folder.name, "port")
            self._process = in_a_group(
                (
                    *("x11vnc", "-display", desktop.environment["DISPLAY"]),
                    *("-autoport", str(_FIRST_PORT), "-flag", str(told)),
                    *("-passwdfile", str(self.password_file)),
                    *(("-viewonly",) if view_only else ()),
                    *_CLOSED,
                    *_LOOKING,
                ),
                {
                    "PATH": SEARCH_PATH,
                    "HOME": self._folder.name,
                    "XAUTHORITY": desktop.environment["XAUTHORITY"],
                },
            )
            self.port = _port_told(told, self._process)
        except BaseException:
            self.close()
            raise

    @property
    def password_file(self) -> Path:
        """Nobody else's to read: a password on a command line is seen by all."""
        return Path(self._folder.name, "password")

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def close(self) -> None:
        """Safe to call twice."""
        if self._process is not None:
            end(self._process)
            self._process = None
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _write_secret(path: Path, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text + "\n")


def _port_told(file: Path, process: subprocess.Popen[bytes]) -> int:
    """Wait for the port, which is written when it is listened on."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        # Whole only with its line end.
        if file.exists() and (text := file.read_text()).endswith("\n"):
            return int(text.removeprefix("PORT="))
        if process.poll() is not None:
            raise DesktopUnavailable(f"x11vnc did not start: status {process.returncode}")
        time.sleep(0.02)
    raise DesktopUnavailable(f"x11vnc was not up after {START_SECONDS} s")
