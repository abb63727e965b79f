"""A screen that is one browser page: Chromium without a window, worked by real input events.

Quicker to start and to look at than a virtual desktop, and blind to what is not the page:
native popups (an open `<select>`, a date picker) and the pointer are not in its pictures.
"""

import base64
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO

from PIL import Image
from playwright.sync_api import Error, Page, sync_playwright

from env.actions import Action, Click, Drag, Keys, Move, Scroll, TypeText, Wait
from env.chromium import chromium_executable
from env.desktop import Desktop, refuse_points_outside
from env.errors import DesktopLost, DesktopUnavailable
from env.fonts import FONTS_CONF
from env.keys import playwright_key, refuse_untypable
from env.screen import Screenshot, ScreenSize

MINIWOB_SIZE = ScreenSize(160, 210)

LEAST_LAYOUT = ScreenSize(500, 320)
"""A Chromium window is never narrower than 500 pixels; a page laid out in less gets
scroll bars over the part in sight."""

PIXELS_A_NOTCH = 120
"""As Chromium in a window on X11 scrolls for one turn of the wheel (measured, version 156)."""

DRAG_STEPS = 10
"""Moves between press and release: sortable lists follow the pointer, not its last place."""

NEXT_FRAME = "() => new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)))"

FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Grey antialiasing and unhinted glyphs: the same letter has the same pixels everywhere.
    "--disable-lcd-text",
    "--font-render-hinting=none",
    # A wheel notch has arrived when the event has; otherwise each scroll glides for 150 ms.
    "--disable-smooth-scrolling",
)


NOTHING_DRAWN, DRAWN_SECONDS = "Unable to capture screenshot", 5.0
"""What Chromium says of a page that it has not drawn yet, on a busy machine; and how long that may
last. A browser that is gone is told at once, in other words."""


class BrowserDesktop(Desktop):
    """One Chromium with one page; `size` is the part of it in sight, from the top left."""

    def __init__(self, size: ScreenSize = MINIWOB_SIZE, *, headless: bool = True) -> None:
        """Start Chromium; the caller closes it.

        Raises:
            DesktopUnavailable: no Chromium, or it does not start.
        """
        self._size = ScreenSize(*size)
        self._closed = False
        executable = chromium_executable()
        self._playwright = sync_playwright().start()
        try:
            self._browser = self._playwright.chromium.launch(
                executable_path=executable,
                headless=headless,
                args=list(FLAGS),
                env={**os.environ, "FONTCONFIG_FILE": str(FONTS_CONF)},
                # Playwright hides scroll bars; an agent needs to see that there is more.
                ignore_default_args=["--hide-scrollbars"],
                chromium_sandbox=os.geteuid() != 0,
            )
            context = self._browser.new_context(
                viewport={
                    "width": max(self._size.width, LEAST_LAYOUT.width),
                    "height": max(self._size.height, LEAST_LAYOUT.height),
                },
                device_scale_factor=1,
                locale="en-US",
                timezone_id="UTC",
            )
            self.page: Page = context.new_page()
            """For the environment (resets, rewards, labels); the agent never sees it."""
            self._cdp = context.new_cdp_session(self.page)
        except Error as error:
            self._playwright.stop()
            raise DesktopUnavailable(f"Chromium at {executable} did not start: {error}") from error

    @property
    def size(self) -> ScreenSize:
        return self._size

    @property
    def reaction_seconds(self) -> float:
        """None: input returns when the page has handled it, and a screenshot takes two frames."""
        return 0.0

    def screenshot(self) -> Screenshot:
        clip = {"x": 0, "y": 0, "width": self._size.width, "height": self._size.height, "scale": 1}
        asked = {"format": "png", "clip": clip, "optimizeForSpeed": True}
        until = time.monotonic() + DRAWN_SECONDS
        with self._lost_if_dead():
            while True:
                try:
                    answer = self._cdp.send("Page.captureScreenshot", asked)
                    break
                except Error as error:
                    if NOTHING_DRAWN not in error.message or time.monotonic() > until:
                        raise
                    time.sleep(0.05)
        image = Image.open(BytesIO(base64.b64decode(answer["data"]))).convert("RGB")
        return Screenshot(image, time.time())

    def perform(self, action: Action) -> None:
        refuse_points_outside(action, self._size)
        with self._lost_if_dead():
            match action:
                case Click():
                    self._click(action)
                case Move(to=to):
                    self.page.mouse.move(to.x, to.y)
                case Drag():
                    self._drag(action)
                case Scroll():
                    self._scroll(action)
                case TypeText(text=text):
                    refuse_untypable(text)
                    # Inserts what a US keyboard lacks; a newline presses enter.
                    self.page.keyboard.type(text)
                case Keys(keys=keys, presses=presses):
                    self._strike(keys, presses)
                case Wait(seconds=seconds):
                    time.sleep(seconds)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        # A browser that died cannot be closed again, and that is what was wanted.
        with suppress(Error):
            self._browser.close()
        self._playwright.stop()

    def _click(self, click: Click) -> None:
        modifiers = [playwright_key(name) for name in click.modifiers]
        with self._held(modifiers):
            self.page.mouse.click(
                click.at.x,
                click.at.y,
                button=click.button,
                click_count=click.count,
                delay=click.hold_seconds * 1000,
            )

    def _drag(self, drag: Drag) -> None:
        mouse = self.page.mouse
        modifiers = [playwright_key(name) for name in drag.modifiers]
        mouse.move(drag.start.x, drag.start.y)
        with self._held(modifiers):
            mouse.down(button=drag.button)
            mouse.move(drag.end.x, drag.end.y, steps=DRAG_STEPS)
            mouse.up(button=drag.button)

    def _scroll(self, scroll: Scroll) -> None:
        modifiers = [playwright_key(name) for name in scroll.modifiers]
        pixels = scroll.notches * PIXELS_A_NOTCH
        self.page.mouse.move(scroll.at.x, scroll.at.y)
        with self._held(modifiers):
            # Browsers count down as positive, and right.
            self.page.mouse.wheel(*((pixels, 0) if scroll.sideways else (0, -pixels)))
            # A wheel event has scrolled nothing before the next frame is drawn.
            self.page.evaluate(NEXT_FRAME)

    def _strike(self, keys: tuple[str, ...], presses: int) -> None:
        names = [playwright_key(name) for name in keys]
        for _ in range(presses):
            with self._held(names[:-1]):
                self.page.keyboard.press(names[-1])

    @contextmanager
    def _held(self, names: list[str]) -> Iterator[None]:
        """Keys go down in order and come up in reverse, whatever happens between."""
        down: list[str] = []
        try:
            for name in names:
                self.page.keyboard.down(name)
                down.append(name)
            yield
        finally:
            for name in reversed(down):
                self.page.keyboard.up(name)

    @contextmanager
    def _lost_if_dead(self) -> Iterator[None]:
        if self._closed:
            raise DesktopLost("the browser was closed")
        try:
            yield
        except Error as error:
            # Nothing here asks the page for anything that a living page can refuse.
            raise DesktopLost(f"the browser is gone: {error.message}") from error
