"""Working one X11 display with XTEST events, each of which may be the last.

Applications cannot tell the events from those of a mouse and a keyboard. What
is held down is known here at any moment and let go of by `release_all`.
"""

import time
from typing import Any

from Xlib import X
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
from env.keys import refuse_untypable
from env.pace import Pace
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


class X11Input:
    """Through a connection owned by the caller."""

    def __init__(self, connection: Any, pace: Pace) -> None:
        self._x = connection
        self._pace = pace
        self._keyboard = X11Keyboard(connection, pace)
        self._held_buttons: list[int] = []
        self._button_up_at = 0.0
        """`time.monotonic()` when a button was last let go."""

    @property
    def keyboard(self) -> X11Keyboard:
        return self._keyboard

    def perform(self, action: Action) -> None:
        """Do it, and return when the server has it.

        Raises:
            ActionRefused: nothing was done.
            ActionCut: it ended in the middle.
            Whatever the pace raises: then `release_all` is the caller's to call.
        """
        self._pace.before_action()
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
                        self._press(_WHEEL[sideways, notches > 0])
                        self._release_buttons()
            case TypeText(text=text):
                refuse_untypable(text)
                self._hand_over()
                self._keyboard.type_text(text)
            case Keys(keys=keys, presses=presses):
                self._keyboard.refuse_unknown(keys)
                self._hand_over()
                self._keyboard.chord(keys, presses)
            case Wait(seconds=seconds):
                self._pace.wait(seconds)
        self._x.sync()

    def release_all(self) -> None:
        """Let go of everything held here; returns when the server has it."""
        self._release_buttons()
        self._keyboard.release_all()
        self._x.sync()

    def give_back(self) -> None:
        """The key map as it was."""
        self._keyboard.give_back()

    def _hand_over(self) -> None:
        self._pace.wait(max(0.0, self._button_up_at + HAND_OVER_SECONDS - time.monotonic()))

    def _move(self, to: Point) -> None:
        self._pace.before_event()
        xtest.fake_input(self._x, X.MotionNotify, x=to.x, y=to.y)

    def _drag(self, start: Point, end: Point, button: int) -> None:
        self._move(start)
        self._press(button)
        for step in range(1, DRAG_STEPS + 1):
            share = step / DRAG_STEPS
            self._x.sync()
            self._pace.wait(DRAG_STEP_SECONDS)
            self._move(
                Point(
                    round(start.x + share * (end.x - start.x)),
                    round(start.y + share * (end.y - start.y)),
                )
            )
        self._x.sync()
        self._pace.wait(DRAG_STEP_SECONDS)
        self._release_buttons()

    def _click_often(self, click: Click) -> None:
        for nth in range(click.count):
            if nth:
                self._x.sync()
                self._pace.wait(MULTICLICK_SECONDS)
            self._press(_BUTTONS[click.button])
            if click.hold_seconds:
                self._x.sync()
                self._pace.wait(click.hold_seconds)
            self._release_buttons()

    def _press(self, button: int) -> None:
        self._pace.before_event()
        self._held_buttons.append(button)
        xtest.fake_input(self._x, X.ButtonPress, button)

    def _release_buttons(self) -> None:
        while self._held_buttons:
            xtest.fake_input(self._x, X.ButtonRelease, self._held_buttons.pop())
            self._button_up_at = time.monotonic()
        self._x.flush()
