"""The name of a screen on the command line, and the screen.

A backend's libraries are imported only when that backend is asked for.
"""

from collections.abc import Sequence
from pathlib import Path

from env.desktop import Desktop
from env.errors import DesktopUnavailable
from env.screen import ScreenSize

KINDS = ("virtual", "browser", "fake")


def open_desktop(
    kind: str,
    size: ScreenSize | None = None,
    *,
    shown: Sequence[Path] = (),
    sandbox: bool = True,
) -> Desktop:
    """Open a screen; the caller closes it.

    Args:
        kind: "virtual" (a desktop of its own on Xvfb), "browser" (one page, no window) or
            "fake" (a form in memory).
        size: pixels; None: the backend's own. The fake form has one size.
        shown, sandbox: of the virtual desktop; see there.

    Raises:
        DesktopUnavailable: something it needs is missing, or this kind is not built yet.
        ValueError: no such kind.
    """
    match kind:
        case "virtual":
            from env.virtual import DEFAULT_SIZE, VirtualDesktop

            return VirtualDesktop(size or DEFAULT_SIZE, shown=shown, sandbox=sandbox)
        case "browser":
            from env.browser import MINIWOB_SIZE, BrowserDesktop

            return BrowserDesktop(size or MINIWOB_SIZE)
        case "fake":
            from env.fake import FAKE_SIZE, FakeDesktop

            if size not in (None, FAKE_SIZE):
                raise ValueError(f"the fake desktop is {FAKE_SIZE}, not {size}")
            return FakeDesktop()
        case "real":
            raise DesktopUnavailable("working the real desktop is not built yet; use virtual")
        case _ if kind.startswith("osworld://"):
            raise DesktopUnavailable("OSWorld's virtual machines are not built yet; use virtual")
        case _:
            raise ValueError(f"no desktop is called {kind!r}; expected one of {', '.join(KINDS)}")
