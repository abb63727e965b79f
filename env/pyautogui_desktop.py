"""The user's own screen on macOS and Windows, through pyautogui. Never run by us on either.

Typing is pyautogui's: characters it has no key for are refused before anything
is typed, since it would leave them out without a word. Its corner stops it, as
everywhere; nothing here tells a person's hands from ours.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from PIL import Image

from env.actions import (
    Action,
    Click,
    Drag,
    Keys,
    Move,
    Point,
    Scroll,
    TypeText,
    Wait,
)
from env.desktop import Desktop, Steering, refuse_points_outside
from env.errors import ActionCut, ActionRefused, DesktopLost, DesktopUnavailable
from env.keys import names_of
from env.screen import Screenshot, ScreenSize
from env.screen_layout import ScreenLayout

DRAG_SECONDS = 0.2
SLICE_SECONDS = 0.05
"""Between two looks at whether to stop."""
SLICE_CHARACTERS = 20


class PyAutoGui(Protocol):
    """What is used of the module; the tests have one of their own."""

    FailSafeException: type[Exception]
    KEYBOARD_KEYS: Sequence[str]

    def size(self) -> tuple[int, int]: ...
    def moveTo(self, x: int, y: int, duration: float = 0.0) -> None: ...
    def mouseDown(self, *, button: str) -> None: ...
    def mouseUp(self, *, button: str) -> None: ...
    def scroll(self, clicks: int) -> None: ...
    def hscroll(self, clicks: int) -> None: ...
    def keyDown(self, key: str) -> None: ...
    def keyUp(self, key: str) -> None: ...
    def write(self, message: str) -> None: ...


class PyAutoGuiDesktop(Desktop):
    def __init__(self, gui: PyAutoGui, look: Callable[[], Image.Image], *, mac: bool) -> None:
        """
        Args:
            gui: pyautogui, or what behaves like it.
            look: a picture of the main screen, mode RGB, in its own pixels.
            mac: the key "win" is called "command" there.
        """
        self._gui = gui
        self._look = look
        self._win = "command" if mac else "win"
        self._steering: Steering | None = None
        self._held_keys: list[str] = []
        self._held_buttons: list[str] = []
        self._closed = False
        self._size = ScreenSize(*look().size)

    @property
    def size(self) -> ScreenSize:
        return self._size

    def screenshot(self) -> Screenshot:
        self._refuse_closed()
        image = self._look()
        self._size = ScreenSize(*image.size)
        return Screenshot(image, time.time())

    def perform(self, action: Action) -> None:
        self._refuse_closed()
        refuse_points_outside(action, self._size)
        try:
            self._perform(action)
        except self._gui.FailSafeException as error:
            if self._steering is not None:
                self._steering.stop("the pointer was in a corner of the screen")
            raise ActionCut("the pointer was in a corner of the screen") from error
        finally:
            self._release_all()

    def heed(self, steering: Steering) -> None:
        self._steering = steering

    def close(self) -> None:
        self._closed = True
        self._release_all()

    def _perform(self, action: Action) -> None:
        match action:
            case Click(at=at, modifiers=modifiers):
                with self._held(modifiers):
                    self._move(at)
                    for _ in range(action.count):
                        self._press(action.button)
                        self._wait(action.hold_seconds)
                        self._release_buttons()
            case Move(to=to):
                self._move(to)
            case Drag(start=start, end=end, modifiers=modifiers):
                with self._held(modifiers):
                    self._move(start)
                    self._press(action.button)
                    self._move(end, DRAG_SECONDS)
                    self._release_buttons()
            case Scroll(at=at, notches=notches, modifiers=modifiers):
                with self._held(modifiers):
                    self._move(at)
                    self._stop_or_go()
                    (self._gui.hscroll if action.sideways else self._gui.scroll)(notches)
            case TypeText(text=text):
                self._type(text)
            case Keys(keys=keys, presses=presses):
                for _ in range(presses):
                    with self._held(keys):
                        pass
            case Wait(seconds=seconds):
                self._wait(seconds)

    def _type(self, text: str) -> None:
        for char in text:
            if char not in self._gui.KEYBOARD_KEYS or ord(char) > 0x7E:
                raise ActionRefused(
                    f"the character {char!r} cannot be typed here: pyautogui has no key for it"
                )
        for first in range(0, len(text), SLICE_CHARACTERS):
            self._stop_or_go()
            self._gui.write(text[first : first + SLICE_CHARACTERS])

    @contextmanager
    def _held(self, names: Sequence[str]) -> Iterator[None]:
        for name in [self._name_of(name) for name in names]:
            self._stop_or_go()
            self._held_keys.append(name)
            self._gui.keyDown(name)
        yield
        self._release_keys()

    def _name_of(self, name: str) -> str:
        """pyautogui's name; ours are its own but for a few.

        Raises:
            ActionRefused: no such key here.
        """
        names_of(name)
        spelled = {"win": self._win, "super": self._win, "cmd": self._win, "meta": self._win}
        known = spelled.get(name.lower(), name if len(name) == 1 else name.lower())
        if known not in self._gui.KEYBOARD_KEYS:
            raise ActionRefused(f"the key {name!r} is not on this system's keyboard")
        return known

    def _move(self, to: Point, seconds: float = 0.0) -> None:
        self._stop_or_go()
        place = self._layout().to_pointer(to)
        self._gui.moveTo(place.x, place.y, seconds)

    def _layout(self) -> ScreenLayout:
        width, height = self._gui.size()
        return ScreenLayout(0, 0, width, height, self._size)

    def _press(self, button: str) -> None:
        self._stop_or_go()
        self._held_buttons.append(button)
        self._gui.mouseDown(button=button)

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._stop_or_go()
            time.sleep(min(left, SLICE_SECONDS))

    def _stop_or_go(self) -> None:
        if self._steering is None:
            return
        reason = self._steering.stopped or self._steering.paused
        if reason is not None:
            raise ActionCut(reason)

    def _release_all(self) -> None:
        self._release_buttons()
        self._release_keys()

    def _release_buttons(self) -> None:
        while self._held_buttons:
            self._gui.mouseUp(button=self._held_buttons.pop())

    def _release_keys(self) -> None:
        while self._held_keys:
            self._gui.keyUp(self._held_keys.pop())

    def _refuse_closed(self) -> None:
        if self._closed:
            raise DesktopLost("the desktop was closed here")


def open_pyautogui(platform: str) -> PyAutoGuiDesktop:
    """
    Args:
        platform: `sys.platform`.

    Raises:
        DesktopUnavailable: pyautogui cannot be had.
    """
    gui = _imported()
    # Else it waits a tenth of a second after every call; the loop waits for the screen.
    gui.PAUSE = 0.0
    return PyAutoGuiDesktop(gui, _screen_of_mss(), mac=platform == "darwin")


def _imported() -> Any:
    try:
        import pyautogui
    except (ImportError, SystemExit) as error:
        raise DesktopUnavailable(f"pyautogui cannot be used here: {error}") from error
    return pyautogui


def _screen_of_mss() -> Callable[[], Image.Image]:
    import mss

    eyes = mss.MSS()

    def look() -> Image.Image:
        frame = eyes.grab(eyes.monitors[1])
        return Image.frombytes("RGB", frame.size, frame.bgra, "raw", "BGRX")

    return look
