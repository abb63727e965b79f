"""A desktop of our own: Xvfb with a window manager, a cookie and a home folder.

Nothing of the user's session reaches it: only who has the cookie may connect,
it listens on no network, applications get an environment written here and a
home that is empty at the start and deleted at the end.
"""

import os
import secrets
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from Xlib import Xatom

from env.actions import Action
from env.desktop import Desktop
from env.errors import DesktopLost, DesktopUnavailable
from env.fonts import FONTS_CONF
from env.screen import Box, Screenshot, ScreenSize
from env.x11 import X11Display

START_SECONDS = 30.0
"""Ceiling; 0.3 s is usual."""

DEFAULT_SIZE = ScreenSize(1280, 720)

_BACKGROUND = 0x2F4F63
"""Slate blue, so that windows stand out in pictures."""

_OPENBOX_CONFIG = Path(__file__).with_name("openbox.xml")
_PACKAGES = {"Xvfb": "xvfb", "openbox": "openbox", "setpriv": "util-linux"}
_BUS_PACKAGES = {"dbus-daemon": "dbus", "/usr/libexec/at-spi-bus-launcher": "at-spi2-core"}
_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games"
_FAMILY_LOCAL = 256
_COOKIE_NAME = b"MIT-MAGIC-COOKIE-1"


class VirtualDesktop(Desktop):
    """Up from the constructor on. The thread that opened it must outlive it: the processes
    are told to die with that thread, so that a crash leaves nothing behind."""

    def __init__(self, size: ScreenSize = DEFAULT_SIZE, *, accessible: bool = False) -> None:
        """
        Args:
            accessible: applications tell what they show (`env.accessibility`), on a session bus
                of the desktop's own.

        Raises:
            DesktopUnavailable: a program is missing (the message names its package), or the
                display did not come up.
        """
        for program in (*_PACKAGES, *(_BUS_PACKAGES if accessible else ())):
            _require(program)
        self._size = size
        self._accessible = accessible
        self._closed = False
        self._processes: list[subprocess.Popen[bytes]] = []
        self._display: X11Display | None = None
        self._folder = Path(tempfile.mkdtemp(prefix="moonhand-desktop-"))
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    @property
    def size(self) -> ScreenSize:
        return self._size

    @property
    def environment(self) -> Mapping[str, str]:
        """For applications: the display, its cookie, and a home; nothing of our own process."""
        return self._environment

    @property
    def home(self) -> Path:
        """Where applications keep their files; deleted by `close`."""
        return self._folder / "home"

    def screenshot(self) -> Screenshot:
        return self._alive().screenshot()

    def screenshot_of(self, box: Box) -> Screenshot:
        return self._alive().screenshot_of(box)

    def perform(self, action: Action) -> None:
        self._alive().perform(action)

    def start_application(self, command: Sequence[str]) -> None:
        """Start a program on this desktop; it is ended with it. Its output is dropped.

        Raises:
            DesktopUnavailable: no such program.
        """
        _require(command[0])
        self._alive()
        self._spawn(command, self._environment)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if self._display is not None:
            self._display.close()
        # Last started, first ended: the display goes when nobody draws on it any more.
        for process in reversed(self._processes):
            _end(process)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _alive(self) -> X11Display:
        if self._closed or self._display is None:
            raise DesktopLost("the virtual desktop was closed here")
        status = self._processes[0].poll()
        if status is not None:
            raise DesktopLost(f"Xvfb ended with status {status}")
        return self._display

    def _start(self) -> None:
        cookie = self._folder / "cookie"
        _write_cookie(cookie)
        name = f":{self._start_xvfb(cookie)}"
        self._display = X11Display(name, cookie)
        self._paint_background(self._display)
        self._environment = MappingProxyType(
            _write_home(self.home) | {"DISPLAY": name, "XAUTHORITY": str(cookie)}
        )
        if self._accessible:
            self._environment = MappingProxyType(self._start_bus() | dict(self._environment))
        self._spawn(
            ("openbox", "--sm-disable", "--config-file", str(_OPENBOX_CONFIG)), self._environment
        )
        self._wait_for_window_manager(self._display)

    def _start_xvfb(self, cookie: Path) -> int:
        """Returns the number of a display that was free."""
        read_end, write_end = os.pipe()
        with os.fdopen(read_end, "rb") as answer:
            try:
                mode = f"{self._size.width}x{self._size.height}x24"
                screen = ("-screen", "0", mode, "-nolisten", "tcp", "-noreset")
                server = self._spawn(
                    ("Xvfb", "-displayfd", str(write_end), "-auth", str(cookie), *screen),
                    {"PATH": _PATH},
                    keep_open=(write_end,),
                )
            finally:
                os.close(write_end)
            # Ends early, and empty, if Xvfb dies; so this cannot hang.
            number = answer.readline().strip()
        if not number:
            raise DesktopUnavailable(f"Xvfb did not start: status {server.wait()}")
        return int(number)

    def _start_bus(self) -> dict[str, str]:
        """A session bus with accessibility on it; what applications must be told of it."""
        read_end, write_end = os.pipe()
        with os.fdopen(read_end, "rb") as answer:
            try:
                self._spawn(
                    ("dbus-daemon", "--session", "--nofork", f"--print-address={write_end}"),
                    self._environment,
                    keep_open=(write_end,),
                )
            finally:
                os.close(write_end)
            address = answer.readline().decode().strip()
        if not address:
            raise DesktopUnavailable("dbus-daemon did not start")
        told = {
            "DBUS_SESSION_BUS_ADDRESS": address,
            "QT_ACCESSIBILITY": "1",
            "QT_LINUX_ACCESSIBILITY_ALWAYS_ON": "1",
        }
        launcher = ("/usr/libexec/at-spi-bus-launcher", "--launch-immediately")
        self._spawn(launcher, dict(self._environment) | told)
        return told

    def _paint_background(self, display: X11Display) -> None:
        display.root.change_attributes(background_pixel=_BACKGROUND)
        display.root.clear_area()
        display.sync()

    def _wait_for_window_manager(self, display: X11Display) -> None:
        """Windows mapped before it is there would stay without a title bar."""
        display_connection = display.root.display
        atom = display_connection.get_atom("_NET_SUPPORTING_WM_CHECK")
        until = time.monotonic() + START_SECONDS
        while display.root.get_full_property(atom, Xatom.WINDOW) is None:
            if time.monotonic() > until:
                raise DesktopUnavailable(f"openbox was not up after {START_SECONDS} s")
            time.sleep(0.01)

    def _spawn(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        keep_open: Sequence[int] = (),
    ) -> subprocess.Popen[bytes]:
        """Start a program in a group of its own that dies with us, however we die."""
        process = subprocess.Popen(
            ("setpriv", "--pdeathsig", "KILL", "--", *command),
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=tuple(keep_open),
        )
        self._processes.append(process)
        return process


def _require(program: str) -> None:
    if shutil.which(program, path=_PATH) is None:
        package = (_PACKAGES | _BUS_PACKAGES).get(program, program)
        raise DesktopUnavailable(f"{program} is not installed; try: apt-get install {package}")


def _write_cookie(path: Path) -> None:
    """An Xauthority file for any display of this machine: made before the number is known."""
    fields = (socket.gethostname().encode(), b"", _COOKIE_NAME, secrets.token_bytes(16))
    entry = struct.pack(">H", _FAMILY_LOCAL)
    entry += b"".join(struct.pack(">H", len(field)) + field for field in fields)
    path.touch(mode=0o600)
    path.write_bytes(entry)


def _write_home(home: Path) -> dict[str, str]:
    """Make the folders of an empty home and say where they are."""
    folders = {
        "HOME": home,
        "XDG_CONFIG_HOME": home / ".config",
        "XDG_CACHE_HOME": home / ".cache",
        "XDG_DATA_HOME": home / ".local/share",
        "XDG_RUNTIME_DIR": home / ".run",
    }
    for folder in folders.values():
        folder.mkdir(parents=True, mode=0o700)
    environment = {name: str(folder) for name, folder in folders.items()}
    return environment | {
        "PATH": _PATH,
        "LANG": "C.UTF-8",
        "XDG_SESSION_TYPE": "x11",
        "FONTCONFIG_FILE": str(FONTS_CONF),
    }


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the program and everything it started."""
    for kind in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, kind)
        except ProcessLookupError:
            break
        try:
            process.wait(timeout=2.0)
        except subprocess.TimeoutExpired:
            continue
    process.wait()
