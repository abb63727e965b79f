"""The user's own X11 session: what they see, worked with their own pointer.

Pixels of the picture are pixels of the screen, whatever the desktop enlarges
by: X11 knows no other. Several monitors are one screen; one of them can be
chosen, and is then all the agent sees. Our own terminal is out of view and
reach (`env.own_windows`). Wayland lets no program do any of this.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from env.actions import Action
from env.desktop import Desktop, Steering
from env.errors import DesktopUnavailable
from env.monitors import monitors_of
from env.own_windows import OwnWindows
from env.pointer_image import with_pointer
from env.screen import Box, Screenshot, ScreenSize
from env.viewport import Viewport
from env.x11 import X11Display
from env.x11_person import StopKeys


@dataclass(frozen=True, slots=True, kw_only=True)
class RealSettings:
    monitor: str | None = None
    """Its name as in `xrandr`; None: the whole screen."""
    pointer: bool = False
    """Draw it into the pictures. Models are trained on pictures without."""
    stop_keys: StopKeys = field(default_factory=StopKeys)


class RealDesktop(Desktop):
    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        pointer: bool = False,
        stop_keys: StopKeys | None = None,
        process_id: int | None = None,
    ) -> None:
        """
        Args:
            environment: of the session: DISPLAY, XAUTHORITY, WINDOWID.
            process_id: whose terminal is left alone; None: this one's.

        Raises:
            DesktopUnavailable: no X11 session; the message says what to do.
        """
        name = _display_of(environment)
        authority = environment.get("XAUTHORITY")
        self._display = X11Display(
            name,
            None if authority is None else Path(authority),
            about=f"the desktop {name}",
            stop_keys=stop_keys,
        )
        self._pointer = pointer
        self._own = OwnWindows(self._connection, environment, process_id or os.getpid())

    @property
    def size(self) -> ScreenSize:
        return self._display.size

    @property
    def monitors(self) -> list[dict[str, Any]]:
        """See `env.monitors`."""
        return monitors_of(self._connection)

    @property
    def own_terminal(self) -> frozenset[int]:
        """The windows found to be ours; empty: none was, so none is left out."""
        return self._own.ids

    def screenshot(self) -> Screenshot:
        return self.screenshot_of(Box(0, 0, *self.size))

    def screenshot_of(self, box: Box) -> Screenshot:
        with self._display.talking():
            seen = self._display.screenshot_of(box)
            image = self._own.blacked(seen.image, box)
            if self._pointer:
                image = with_pointer(image, box, self._connection)
            return Screenshot(image, seen.taken_at)

    def perform(self, action: Action) -> None:
        self._display.refuse_outside(action)
        with self._display.talking():
            self._own.refuse_reaching(action)
        self._display.perform(action)

    def heed(self, steering: Steering) -> None:
        self._display.heed(steering)

    def close(self) -> None:
        self._display.close()

    @property
    def _connection(self) -> Any:
        return self._display.connection


class OneMonitor(Viewport):
    """A monitor of a real desktop; closes the desktop with it."""

    def __init__(self, desktop: RealDesktop, name: str) -> None:
        """
        Raises:
            DesktopUnavailable: no monitor of that name; the desktop is closed.
        """
        try:
            super().__init__(desktop, monitor_box(desktop.monitors, name, desktop.size))
        except (DesktopUnavailable, ValueError) as error:
            desktop.close()
            raise DesktopUnavailable(str(error)) from error
        self._whole = desktop

    def close(self) -> None:
        self._whole.close()


def open_real(environment: Mapping[str, str], settings: RealSettings) -> Desktop:
    """Raises: DesktopUnavailable."""
    desktop = RealDesktop(environment, pointer=settings.pointer, stop_keys=settings.stop_keys)
    return desktop if settings.monitor is None else OneMonitor(desktop, settings.monitor)


def monitor_box(monitors: list[dict[str, Any]], name: str, size: ScreenSize) -> Box:
    """Where the monitor lies on the screen; what of it is off the screen is cut away.

    Raises:
        DesktopUnavailable: no such monitor; the message has the names.
    """
    for monitor in monitors:
        if monitor["name"] == name:
            left, top = monitor["x"], monitor["y"]
            return Box(
                max(0, left),
                max(0, top),
                min(size.width, left + monitor["width"]),
                min(size.height, top + monitor["height"]),
            )
    names = ", ".join(str(monitor["name"]) for monitor in monitors) or "none"
    raise DesktopUnavailable(f"no monitor is called {name!r}; there are: {names}")


def _display_of(environment: Mapping[str, str]) -> str:
    if environment.get("XDG_SESSION_TYPE") == "wayland" or environment.get("WAYLAND_DISPLAY"):
        raise DesktopUnavailable(
            "this is a Wayland session, where no program may see or work another's windows;"
            ' log out and choose a session named "X11" or "Xorg" at the login screen, or use'
            " --desktop virtual"
        )
    name = environment.get("DISPLAY")
    if not name:
        raise DesktopUnavailable(
            "no DISPLAY is set, so there is no X11 session here; use --desktop virtual"
        )
    return name
