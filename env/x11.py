"""Seeing and working one X11 display, whoever owns it.

Looks through one kept mss connection (1 ms a frame at 1280x720) and acts
through one kept XTEST connection, so that applications cannot tell the input
from a mouse and a keyboard. The pointer is not in the pictures.
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import mss
from mss.exception import ScreenShotError
from PIL import Image
from Xlib import X
from Xlib import display as xdisplay
from Xlib import error as xerror
from Xlib.ext import xtest

from env.actions import (
    Action,
    Button,
    Click,
    Drag,
    Keys,
    Move,
    Point,
    Scroll,
    TypeText,
    Wait,
)
from env.desktop import Desktop, refuse_points_outside
from env.errors import ActionRefused, DesktopLost, DesktopUnavailable
from env.keys import refuse_untypable
from env.screen import Box, Screenshot, ScreenSize
from env.x11_keyboard import X11Keyboard

_BUTTONS: dict[Button, int] = {"left": 1, "middle": 2, "right": 3}
_WHEEL = {(False, True): 4, (False, False): 5, (True, False): 6, (True, True): 7}
"""Buttons by (sideways, towards positive)."""

MULTICLICK_SECONDS = 0.03
"""Chromium takes two clicks in the same millisecond for one event seen twice."""

HAND_OVER_SECONDS = 0.1
"""From mouse to keyboard. Chromium looks up in its own time what was clicked, and keys that
follow at once overtake the click and go to what had the focus before."""

DRAG_STEPS = 12
DRAG_STEP_SECONDS = 0.01
"""Applications start a drag on motion, not on arrival, and look at it once a frame."""

_LOST = (
    ScreenShotError,
    # mss states that a reply came by a bare assert.
    AssertionError,
    xerror.ConnectionClosedError,
    OSError,
)

_connecting = threading.Lock()
"""Both client libraries read XAUTHORITY from the process while they connect, and only then."""


class X11Display(Desktop):
    """A display that somebody else started; closing lets go of it and leaves it running."""

    def __init__(self, name: str, authority: Path | None = None) -> None:
        """
        Args:
            name: as in DISPLAY, e.g. ":1".
            authority: the file with the display's cookie; None: as the user's session has it.

        Raises:
            DesktopUnavailable: no such display, or it refused us.
        """
        self._name = name
        self._authority = authority
        self._held_buttons: list[int] = []
        self._button_up_at = 0.0
        """`time.monotonic()` when a button was last let go."""
        self._closed = False
        try:
            # First, because python-xlib leaves its socket open when it is refused.
            with authority_of_process(authority):
                self._eyes = mss.MSS(display=name)
            try:
                self._x = connect(name, authority)
            except BaseException:
                self._eyes.close()
                raise
            self._keyboard = X11Keyboard(self._x)
        except (xerror.DisplayError, xerror.ConnectionClosedError, ScreenShotError) as error:
            raise DesktopUnavailable(f"cannot connect to the display {name}: {error}") from error
        root = self._x.screen().root.get_geometry()
        self._size = ScreenSize(root.width, root.height)

    @property
    def size(self) -> ScreenSize:
        return self._size

    @property
    def root(self) -> Any:
        """python-xlib's root window, for what is neither looking nor acting."""
        return self._x.screen().root

    def screenshot(self) -> Screenshot:
        return self.screenshot_of(Box(0, 0, *self._size))

    def screenshot_of(self, box: Box) -> Screenshot:
        width, height = box.right - box.left, box.bottom - box.top
        with self._talking():
            frame = self._eyes.grab(
                {"left": box.left, "top": box.top, "width": width, "height": height}
            )
            image = Image.frombytes("RGB", frame.size, frame.bgra, "raw", "BGRX")
            return Screenshot(image, time.time())

    def perform(self, action: Action) -> None:
        refuse_points_outside(action, self._size)
        with self._talking():
            try:
                self._perform(action)
                self._x.sync()
            except (ActionRefused, *_LOST):
                # Refused before anything was pressed, or nobody there to let go of it.
                raise
            except BaseException:
                self._let_go_after_an_interrupt()
                raise

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        # A display that is already dead holds nothing.
        with suppress(*_LOST):
            self._release_all()
            self._keyboard.give_back()
        with suppress(*_LOST):
            self._x.close()
        with suppress(*_LOST):
            self._eyes.close()

    def sync(self) -> None:
        """Return when the server has done everything asked of it."""
        with self._talking():
            self._x.sync()

    @contextmanager
    def _talking(self) -> Iterator[None]:
        if self._closed:
            raise DesktopLost(f"the display {self._name} was closed here")
        try:
            yield
        except _LOST as error:
            raise DesktopLost(f"the display {self._name} went away: {error!r}") from error

    def _let_go_after_an_interrupt(self) -> None:
        """Through a new connection: the old one, cut off in the middle of a request, may wait
        for ever for an answer it has already read."""
        self._x.display.socket.close()
        self._x = connect(self._name, self._authority)
        self._keyboard.reconnect(self._x)
        self._release_all()
        self._x.sync()

    def _perform(self, action: Action) -> None:
        match action:
            case Click(at=at, modifiers=modifiers):
                self._keyboard.refuse_unknown(modifiers)
                self._move(at)
                with self._keyboard.held(modifiers):
                    self._click_often(action)
            case Move(to=to):
                self._move(to)
            case Drag(start=start, end=end, button=button, modifiers=modifiers):
                self._keyboard.refuse_unknown(modifiers)
                with self._keyboard.held(modifiers):
                    self._drag(start, end, _BUTTONS[button])
            case Scroll(at=at, notches=notches, sideways=sideways, modifiers=modifiers):
                self._keyboard.refuse_unknown(modifiers)
                self._move(at)
                with self._keyboard.held(modifiers):
                    for _ in range(abs(notches)):
                        self._click(_WHEEL[sideways, notches > 0])
            case TypeText(text=text):
                refuse_untypable(text)
                self._hand_over()
                self._keyboard.type_text(text)
            case Keys(keys=keys, presses=presses):
                self._keyboard.refuse_unknown(keys)
                self._hand_over()
                self._keyboard.chord(keys, presses)
            case Wait(seconds=seconds):
                time.sleep(seconds)

    def _hand_over(self) -> None:
        time.sleep(max(0.0, self._button_up_at + HAND_OVER_SECONDS - time.monotonic()))

    def _move(self, to: Point) -> None:
        xtest.fake_input(self._x, X.MotionNotify, x=to.x, y=to.y)

    def _drag(self, start: Point, end: Point, button: int) -> None:
        self._move(start)
        self._press(button)
        for step in range(1, DRAG_STEPS + 1):
            share = step / DRAG_STEPS
            self._x.sync()
            time.sleep(DRAG_STEP_SECONDS)
            self._move(
                Point(
                    round(start.x + share * (end.x - start.x)),
                    round(start.y + share * (end.y - start.y)),
                )
            )
        self._x.sync()
        time.sleep(DRAG_STEP_SECONDS)
        self._release_buttons()

    def _click_often(self, click: Click) -> None:
        for nth in range(click.count):
            if nth:
                self._x.sync()
                time.sleep(MULTICLICK_SECONDS)
            self._press(_BUTTONS[click.button])
            if click.hold_seconds:
                self._x.sync()
                time.sleep(click.hold_seconds)
            self._release_buttons()

    def _click(self, button: int) -> None:
        self._press(button)
        self._release_buttons()

    def _press(self, button: int) -> None:
        self._held_buttons.append(button)
        xtest.fake_input(self._x, X.ButtonPress, button)

    def _release_buttons(self) -> None:
        while self._held_buttons:
            xtest.fake_input(self._x, X.ButtonRelease, self._held_buttons[-1])
            self._held_buttons.pop()
            self._button_up_at = time.monotonic()
        self._x.flush()

    def _release_all(self) -> None:
        self._release_buttons()
        self._keyboard.release_all()


def connect(name: str, authority: Path | None) -> Any:
    """A connection of one's own to a display: python-xlib's `Display`."""
    with authority_of_process(authority):
        return xdisplay.Display(name)


@contextmanager
def authority_of_process(path: Path | None) -> Iterator[None]:
    """The process's XAUTHORITY is `path` for the block; neither library takes it as an argument."""
    if path is None:
        yield
        return
    with _connecting:
        before = os.environ.get("XAUTHORITY")
        os.environ["XAUTHORITY"] = str(path)
        try:
            yield
        finally:
            if before is None:
                del os.environ["XAUTHORITY"]
            else:
                os.environ["XAUTHORITY"] = before
