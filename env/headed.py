"""A browser window on a virtual desktop, and where on the screen its page lies.

The agent sees and works the desktop; the Playwright page is for resets and
rewards only. Where the page lies is looked up in a screenshot, because the
window's own arithmetic (screenY, outerHeight - innerHeight) is 4 px off.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import unquote, urlsplit

from PIL import Image, ImageChops
from playwright.sync_api import Error, Page, sync_playwright

from env.browser import FLAGS, BrowserDesktop
from env.chromium import chromium_executable
from env.desktop import Desktop
from env.errors import DesktopLost, DesktopUnavailable
from env.screen import Box, ScreenSize
from env.unconfined import Unconfined
from env.virtual import VirtualDesktop

DEFAULT_WINDOW = ScreenSize(620, 500)
"""Without the frame; room for the 500x320 a page is laid out in elsewhere (`env.browser`)."""

_POSITION = (60, 60)
_MARKER = (255, 0, 254)
"""A colour that neither Chromium's frame nor the desktop has."""

_PAINT = "colour => { document.documentElement.style.background = colour }"
_LOCATE_SECONDS = 20.0
"""Ceiling; 0.3 s is usual, ten times that at a load of 20."""

# The second frame begins when the first has been handed on to be shown.
_TWO_FRAMES = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


class HeadedBrowser:
    """One Chromium window. Close it before the desktop it stands on."""

    def __init__(self, desktop: VirtualDesktop, window: ScreenSize = DEFAULT_WINDOW) -> None:
        """
        Raises:
            DesktopUnavailable: no Chromium, it does not start, or its page is not to be seen.
        """
        self._desktop = desktop
        self._closed = False
        executable = str(Path(chromium_executable()).resolve())
        tells = ["--force-renderer-accessibility"] if desktop.session_bus else []
        self._playwright = sync_playwright().start()
        try:
            self._context = self._playwright.chromium.launch_persistent_context(
                desktop.room.path(f"{desktop.home_inside}/chromium"),
                executable_path=desktop.room.executable(executable),
                headless=False,
                no_viewport=True,
                env=dict(desktop.environment),
                # In the desktop's own sandbox there are no name spaces left to make another of.
                chromium_sandbox=isinstance(desktop.room, Unconfined) and os.geteuid() != 0,
                # Neither a bar that says the browser is automated nor hidden scroll bars.
                ignore_default_args=["--enable-automation", "--hide-scrollbars"],
                args=[
                    *FLAGS,
                    *tells,
                    # No bar about the missing sandbox when root runs it.
                    "--test-type",
                    f"--window-position={_POSITION[0]},{_POSITION[1]}",
                    f"--window-size={window.width},{window.height}",
                ],
                locale="en-US",
                timezone_id="UTC",
            )
        except Error as error:
            self._playwright.stop()
            raise DesktopUnavailable(f"Chromium at {executable} did not start: {error}") from error
        try:
            self.page: Page = self._context.pages[0]
            """For the environment (resets, rewards, labels); the agent never sees it."""
            self.box: Box = _locate(desktop, self.page)
            """The page's content on the screen, tool bar and frame left out."""
        except BaseException:
            self.close()
            raise

    def part(self, size: ScreenSize) -> Box:
        """The upper left part of the page, in pixels of the desktop."""
        left, top, _, _ = self.box
        return Box(left, top, left + size.width, top + size.height)

    def wait_until_drawn(self) -> None:
        """Return when the page as it is now is, but for a moment, on the screen.

        To be called after a page was opened or reset from outside: the screen shows the
        page before for some 50 ms, and a still screen looks settled.

        Raises:
            DesktopLost: the browser is gone.
        """
        try:
            self.page.evaluate(_TWO_FRAMES)
        except Error as error:
            raise DesktopLost(f"the browser is gone: {error.message}") from error

    def close(self) -> None:
        """Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        # A browser that died cannot be closed again, and that is what was wanted.
        with suppress(Error):
            self._context.close()
        self._playwright.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _locate(desktop: Desktop, page: Page) -> Box:
    """Paint the empty page in a colour nothing else has and look where it is.

    Raises:
        DesktopUnavailable: the page did not appear.
    """
    page.evaluate(_PAINT, "rgb({}, {}, {})".format(*_MARKER))
    until = time.monotonic() + _LOCATE_SECONDS
    seen: Box | None = None
    while time.monotonic() < until:
        box = _box_of_colour(desktop.screenshot().image)
        # Twice the same: the window is no longer being placed or drawn.
        if box is not None and box == seen:
            page.evaluate(_PAINT, "")
            return box
        seen = box
        time.sleep(0.05)
    raise DesktopUnavailable(f"the browser's page did not appear within {_LOCATE_SECONDS} s")


def _box_of_colour(picture: Image.Image) -> Box | None:
    """The smallest box round every pixel of the marker colour."""
    away = ImageChops.difference(picture, Image.new("RGB", picture.size, _MARKER)).convert("L")
    found = away.point(lambda level: 255 if level == 0 else 0).getbbox()
    return None if found is None else Box(*found)


def shown_with(url: str | None) -> tuple[Path, ...]:
    """What of this machine a page needs: its folder; the page alone if that would be the home
    folder or one round it. For `VirtualDesktop(shown=...)`."""
    if url is None or not url.startswith("file://"):
        return ()
    page = Path(unquote(urlsplit(url).path))
    return (page if Path.home().is_relative_to(page.parent) else page.parent,)


@contextmanager
def showing(desktop: Desktop, url: str | None) -> Iterator[None]:
    """Keep a page open on the screen; nothing happens without an address.

    Raises:
        ValueError: this kind of screen has no browser.
    """
    match desktop:
        case _ if url is None:
            yield
        case BrowserDesktop():
            desktop.page.goto(url)
            yield
        case VirtualDesktop():
            with HeadedBrowser(desktop) as browser:
                browser.page.goto(url)
                yield
        case _:
            raise ValueError(f"no browser for {url} on this desktop; expected virtual or browser")
