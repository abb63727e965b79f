"""The name of a screen on the command line, and the screen.

A backend's libraries are imported only when that backend is asked for.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from env.desktop import Desktop
from env.screen import ScreenSize

if TYPE_CHECKING:
    from env.real import RealSettings

KINDS = ("virtual", "browser", "real", "fake", "osworld://HOST:PORT")


def open_desktop(
    kind: str,
    size: ScreenSize | None = None,
    *,
    shown: Sequence[Path] = (),
    sandbox: bool = True,
    network: bool = False,
    token: str | None = None,
    real: "RealSettings | None" = None,
) -> Desktop:
    """Open a screen; the caller closes it.

    Args:
        kind: "virtual" (a desktop of its own on Xvfb), "browser" (one page, no window), "real"
            (the user's own session), "fake" (a form in memory) or "osworld://HOST:PORT" (a
            machine of OSWorld's).
        size: pixels; None: the backend's own. The fake form has one size; a real screen has
            its own, whatever is asked for.
        shown, sandbox, network: of the virtual desktop; see there.
        token: of an OSWorld machine that wants one.

    Raises:
        DesktopUnavailable: something it needs is missing.
        ValueError: no such kind.
    """
    match kind:
        case "virtual":
            from env.virtual import DEFAULT_SIZE, VirtualDesktop

            size = size or DEFAULT_SIZE
            return VirtualDesktop(size, shown=shown, sandbox=sandbox, network=network)
        case "browser":
            from env.browser import MINIWOB_SIZE, BrowserDesktop

            return BrowserDesktop(size or MINIWOB_SIZE)
        case "fake":
            from env.fake import FAKE_SIZE, FakeDesktop

            if size not in (None, FAKE_SIZE):
                raise ValueError(f"the fake desktop is {FAKE_SIZE}, not {size}")
            return FakeDesktop()
        case "real":
            return _open_real(real)
        case _ if kind.startswith("osworld://"):
            from env.osworld import OSWorldDesktop

            if size is not None:
                raise ValueError(f"an OSWorld machine has the size that it has, not {size}")
            return OSWorldDesktop(kind, token=token)
        case _:
            raise ValueError(f"no desktop is called {kind!r}; expected one of {', '.join(KINDS)}")


def _open_real(settings: "RealSettings | None") -> Desktop:
    if sys.platform != "linux":
        from env.pyautogui_desktop import open_pyautogui

        return open_pyautogui(sys.platform)
    from env.real import RealSettings, open_real

    # The session is the process's own; there is no other to be asked for.
    return open_real(os.environ, settings or RealSettings())
