"""A desktop of our own: Xvfb with a cookie, and a room for a window manager and applications.

Nothing of the user's session reaches it: only who has the cookie may connect, it listens on
no network, and applications live in a sandbox (`env.sandbox`).
"""

import os
import secrets
import shutil
import socket
import struct
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from Xlib import Xatom

from env.accessibility import SessionBus
from env.actions import Action
from env.chromium import chromium_folder
from env.desktop import Desktop, Steering
from env.errors import DesktopLost, DesktopUnavailable
from env.fonts import FONTS_CONF
from env.process import end, in_a_group, scratch_folder
from env.room import SEARCH_PATH, Application, Finished, Limits, Room, Streams, require
from env.sandbox import RUN_INSIDE, USER_INSIDE, Sandbox, own_ipc
from env.screen import Box, Screenshot, ScreenSize
from env.unconfined import Unconfined
from env.x11 import X11Display

START_SECONDS = 30.0
"""Ceiling; 0.5 s is usual."""

DEFAULT_SIZE = ScreenSize(1280, 720)

_BACKGROUND = 0x2F4F63
"""Slate blue, so that windows stand out in pictures."""

_OPENBOX_CONFIG = Path(__file__).with_name("openbox.xml")
_BUS_LAUNCHER = "/usr/libexec/at-spi-bus-launcher"
_COOKIE_NAME = b"MIT-MAGIC-COOKIE-1"
_FAMILY_LOCAL, _FAMILY_WILD = 256, 65535


class VirtualDesktop(Desktop):
    """Up from the constructor on. The thread that opened it must outlive it: the processes
    are told to die with that thread, so that a crash leaves nothing behind."""

    def __init__(
        self,
        size: ScreenSize = DEFAULT_SIZE,
        *,
        accessible: bool = False,
        sandbox: bool = True,
        shown: Sequence[Path] = (),
        workspace: Path | None = None,
        limits: Limits | None = None,
        network: bool = False,
    ) -> None:
        """
        Args:
            accessible: applications tell what they show (`env.accessibility`), on a session bus
                of the desktop's own.
            sandbox: False: applications run unconfined, by the user's explicit word.
            shown, workspace, limits, network: of the sandbox; see there. Unconfined applications
                have all that this machine has.

        Raises:
            DesktopUnavailable: a program is missing (the message names its package), the display
                did not come up, or applications cannot be confined here.
        """
        for program in ("Xvfb", "openbox"):
            require(program, program.lower())
        require("setpriv", "util-linux")
        if accessible:
            require("dbus-daemon", "dbus")
            require(_BUS_LAUNCHER, "at-spi2-core")
        self._size = size
        self._closed = False
        self._server: subprocess.Popen[bytes] | None = None
        self._display: X11Display | None = None
        self._room: Room | None = None
        self._session_bus: SessionBus | None = None
        self._workspace = -1
        self._folder = scratch_folder("desktop")
        try:
            name = self._start_display(sandbox)
            if sandbox:
                seen = [self._cookie, _socket_of(name), FONTS_CONF, _OPENBOX_CONFIG, *shown]
                if (browser := chromium_folder()) is not None:
                    seen.append(browser)
                assert self._server is not None
                self._room = Sandbox(
                    shown=seen,
                    workspace=workspace,
                    limits=limits,
                    ipc_of=self._server.pid,
                    network=network,
                )
            else:
                self._room = Unconfined()
            self._environment = _written_home(self._room, sandbox) | {
                "DISPLAY": name,
                "XAUTHORITY": str(self._cookie),
            }
            self._workspace = os.open(self.home / "workspace", os.O_PATH | os.O_DIRECTORY)
            if accessible:
                self._start_bus(sandbox)
            self._start_window_manager()
        except BaseException:
            self.close()
            raise

    @property
    def size(self) -> ScreenSize:
        # An application may have changed it.
        return self._size if self._closed or self._display is None else self._display.size

    @property
    def environment(self) -> Mapping[str, str]:
        """What applications are told: the display, its cookie, a home; nothing of our own
        process. Display and cookie are the same from here."""
        return MappingProxyType(self._environment)

    @property
    def room(self) -> Room:
        """Where its applications live, with their files."""
        assert self._room is not None
        return self._room

    @property
    def home(self) -> Path:
        """Where applications keep their files, seen from here; gone after `close`."""
        return self.room.path(self.room.home_inside)

    @property
    def home_inside(self) -> str:
        """The same, as applications know it."""
        return self.room.home_inside

    @property
    def workspace(self) -> Path:
        """The folder shared with applications, which know it as ~/workspace, seen from here.

        It stays that folder, whatever an application puts in its place. What they may have
        written into it is read by `room.read_file`, which follows no link out.
        """
        return Path(f"/proc/{os.getpid()}/fd/{self._workspace}")

    @property
    def session_bus(self) -> SessionBus | None:
        """Where to ask what applications show; None: not an accessible desktop."""
        return self._session_bus

    @property
    def pointer(self) -> tuple[int, int]:
        """Where the pointer is; it is not in the pictures."""
        at = self.root.query_pointer()
        return at.root_x, at.root_y

    @property
    def root(self) -> Any:
        """python-xlib's root window, for what is neither looking nor acting."""
        return self._alive().root

    def screenshot(self) -> Screenshot:
        return self._alive().screenshot()

    def screenshot_of(self, box: Box) -> Screenshot:
        return self._alive().screenshot_of(box)

    def perform(self, action: Action) -> None:
        self._alive().perform(action)

    def heed(self, steering: Steering) -> None:
        self._alive().heed(steering)

    def launch(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        folder: str | None = None,
        streams: Streams | None = None,
    ) -> Application:
        """Start a program on this desktop; it is ended with it. Its output is dropped unless
        streams are given.

        Args:
            environment: in addition to the desktop's.
            folder: to start in, as applications know it; None: home.

        Raises:
            DesktopUnavailable: no such program.
        """
        self._alive()
        told = {**self._environment, **(environment or {})}
        return self.room.launch(command, told, folder=folder, streams=streams)

    def run(
        self,
        command: Sequence[str],
        *,
        timeout_seconds: float,
        environment: Mapping[str, str] | None = None,
        folder: str | None = None,
        stdin: bytes = b"",
    ) -> Finished:
        """Run a command in the room of this desktop to its end, or to the end of its time."""
        self._alive()
        told = {**self._environment, **(environment or {})}
        return self.room.run(
            command, told, timeout_seconds=timeout_seconds, folder=folder, stdin=stdin
        )

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if self._display is not None:
            self._display.close()
        # The display goes when nobody draws on it any more.
        if self._room is not None:
            self._room.close()
        if self._server is not None:
            end(self._server)
        if self._workspace >= 0:
            os.close(self._workspace)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _alive(self) -> X11Display:
        if self._closed or self._display is None or self._server is None:
            raise DesktopLost("the virtual desktop was closed here")
        status = self._server.poll()
        if status is not None:
            raise DesktopLost(f"Xvfb ended with status {status}")
        if self._room is not None and not self._room.is_open:
            raise DesktopLost("the sandbox of its applications ended")
        return self._display

    @property
    def _cookie(self) -> Path:
        return self._folder / "cookie"

    def _start_display(self, sandbox: bool) -> str:
        _write_cookie(self._cookie)
        name = f":{self._start_xvfb(own_ipc() if sandbox else ())}"
        self._display = X11Display(name, self._cookie)
        root = self._display.root
        root.change_attributes(background_pixel=_BACKGROUND)
        root.clear_area()
        self._display.sync()
        return name

    def _start_xvfb(self, apart: Sequence[str]) -> int:
        """Returns the number of a display that was free.

        Args:
            apart: words before the command.
        """
        read_end, write_end = os.pipe()
        with os.fdopen(read_end, "rb") as answer:
            try:
                mode = f"{self._size.width}x{self._size.height}x24"
                # 256 clients, as is usual, are soon used up by agents that connect anew each time.
                screen = ("-screen", "0", mode, "-noreset", "-maxclients", "2048")
                # The abstract socket stays: by it alone Xvfb sees that a number is taken. The
                # sandbox's network name space keeps applications from it.
                closed = ("-nolisten", "tcp", "-auth", str(self._cookie))
                self._server = in_a_group(
                    (*apart, "Xvfb", "-displayfd", str(write_end), *closed, *screen),
                    {"PATH": SEARCH_PATH},
                    keep_open=(write_end,),
                )
            finally:
                os.close(write_end)
            # Ends early, and empty, if Xvfb dies; so this cannot hang.
            number = answer.readline().strip()
        if not number:
            raise DesktopUnavailable(f"Xvfb did not start: status {self._server.wait()}")
        return int(number)

    def _start_bus(self, sandbox: bool) -> None:
        """A session bus with accessibility on it."""
        folder = self._environment["XDG_RUNTIME_DIR"]
        address = f"unix:path={folder}/bus"
        daemon = self.launch(("dbus-daemon", "--session", "--nofork", f"--address={address}"))
        until = time.monotonic() + START_SECONDS
        while not (self.room.path(folder) / "bus").exists():
            if time.monotonic() > until or daemon.poll() is not None:
                raise DesktopUnavailable("dbus-daemon did not start")
            time.sleep(0.01)
        self._environment |= {
            "DBUS_SESSION_BUS_ADDRESS": address,
            "QT_ACCESSIBILITY": "1",
            "QT_LINUX_ACCESSIBILITY_ALWAYS_ON": "1",
        }
        self.launch((_BUS_LAUNCHER, "--launch-immediately"))
        user, root = (USER_INSIDE, self.room.path("/")) if sandbox else (os.geteuid(), Path("/"))
        self._session_bus = SessionBus(address, user, root)

    def _start_window_manager(self) -> None:
        """Windows mapped before it is there would stay without a title bar."""
        self.launch(("openbox", "--sm-disable", "--config-file", str(_OPENBOX_CONFIG)))
        root = self._alive().root
        atom = root.display.get_atom("_NET_SUPPORTING_WM_CHECK")
        until = time.monotonic() + START_SECONDS
        while root.get_full_property(atom, Xatom.WINDOW) is None:
            if time.monotonic() > until:
                raise DesktopUnavailable(f"openbox was not up after {START_SECONDS} s")
            time.sleep(0.01)


def _socket_of(name: str) -> Path:
    return Path("/tmp/.X11-unix", f"X{name.removeprefix(':')}")


def _write_cookie(path: Path) -> None:
    """An Xauthority file for any display, made before the number is known: once for this host's
    name, which python-xlib wants, once for any, since the sandbox is called otherwise."""
    cookie = secrets.token_bytes(16)
    entries = b""
    for family, host in ((_FAMILY_LOCAL, socket.gethostname().encode()), (_FAMILY_WILD, b"")):
        entries += struct.pack(">H", family)
        for field in (host, b"", _COOKIE_NAME, cookie):
            entries += struct.pack(">H", len(field)) + field
    path.touch(mode=0o600)
    path.write_bytes(entries)


def _written_home(room: Room, sandbox: bool) -> dict[str, str]:
    """Make the folders of an empty home and say where they are."""
    home = room.home_inside
    folders = {
        "HOME": home,
        "XDG_CONFIG_HOME": f"{home}/.config",
        "XDG_CACHE_HOME": f"{home}/.cache",
        "XDG_DATA_HOME": f"{home}/.local/share",
        "XDG_RUNTIME_DIR": RUN_INSIDE if sandbox else f"{home}/.run",
    }
    for folder in (*folders.values(), f"{home}/workspace"):
        room.path(folder).mkdir(parents=True, mode=0o700, exist_ok=True)
    return folders | {
        "PATH": SEARCH_PATH,
        "LANG": "C.UTF-8",
        "XDG_SESSION_TYPE": "x11",
        "FONTCONFIG_FILE": str(FONTS_CONF),
        "USER": "user",
    }
