"""A small form in memory that behaves like a desktop: for tests and for showing the loop.

A text field, a check box, a button, a list that scrolls and a slider that is
dragged. The same actions always give the same pixels; nothing waits, nothing
is started, and it can be told to go away in the middle.
"""

import time

from PIL import Image, ImageDraw

from env.actions import Action, Click, Drag, Keys, Move, Point, Scroll, TypeText, Wait
from env.desktop import Desktop, refuse_points_outside
from env.errors import DesktopLost
from env.keys import names_of, refuse_untypable
from env.screen import Box, Screenshot, ScreenSize

FIELD = Box(20, 24, 220, 46)
CHECK_BOX = Box(20, 60, 36, 76)
BUTTON = Box(20, 90, 100, 114)
LIST = Box(20, 130, 140, 194)
SLIDER = Box(20, 210, 221, 226)
"""Its handle is at `left + value`."""

FAKE_SIZE = ScreenSize(320, 240)
SLIDER_MAX = 200
LIST_ROWS = tuple(f"row {n}" for n in range(1, 41))
ROWS_IN_SIGHT = 4

_INK, _PAPER, _DESK, _FACE, _MARK = "black", "white", (70, 100, 120), (225, 225, 225), (0, 90, 200)


class FakeDesktop(Desktop):
    """What the form holds is plain attributes, so a test says what it expects of them."""

    def __init__(self, *, vanish_after: int | None = None) -> None:
        """
        Args:
            vanish_after: how many actions it performs before it goes away, like a display
                server that dies; None: it stays.
        """
        self.performed: list[Action] = []
        """Every action that was not refused, in order."""
        self.text = ""
        self.focused = False
        """Whether the text field takes what is typed."""
        self.checked = False
        self.num_presses = 0
        """Of the button."""
        self.first_row = 0
        """Of the list: the index of the uppermost row in sight."""
        self.slider = 0
        """0 to `SLIDER_MAX`, both included."""
        self._selected = False
        self._vanish_after = vanish_after
        self._gone: str | None = None

    @property
    def size(self) -> ScreenSize:
        return FAKE_SIZE

    @property
    def reaction_seconds(self) -> float:
        return 0.0

    def screenshot(self) -> Screenshot:
        self._refuse_when_gone()
        return Screenshot(self._draw(), time.time())

    def perform(self, action: Action) -> None:
        self._refuse_when_gone()
        if self._vanish_after is not None and len(self.performed) >= self._vanish_after:
            self.vanish()
            self._refuse_when_gone()
        refuse_points_outside(action, self.size)
        _refuse_unknown(action)
        self.performed.append(action)
        match action:
            case Click(at=at, button="left", count=count):
                for _ in range(count):
                    self._click(at)
            case Drag(start=start, end=end, button="left") if _inside(start, SLIDER):
                self.slider = min(max(end.x - SLIDER.left, 0), SLIDER_MAX)
            case Scroll(at=at, notches=notches, sideways=False) if _inside(at, LIST):
                last = len(LIST_ROWS) - ROWS_IN_SIGHT
                self.first_row = min(max(self.first_row - notches, 0), last)
            case TypeText(text=text):
                self._type(text)
            case Keys(keys=keys, presses=presses):
                for _ in range(presses):
                    self._strike(tuple(key.lower() if len(key) > 1 else key for key in keys))
            case Click() | Drag() | Scroll() | Move() | Wait():
                # Nothing on this form answers to it.
                pass

    def vanish(self) -> None:
        """From now on every look and every action is a `DesktopLost`."""
        self._gone = "the fake desktop was told to vanish"

    def close(self) -> None:
        self._gone = self._gone or "the fake desktop was closed"

    def _refuse_when_gone(self) -> None:
        if self._gone is not None:
            raise DesktopLost(self._gone)

    def _click(self, at: Point) -> None:
        self.focused = _inside(at, FIELD)
        self._selected = False
        if _inside(at, CHECK_BOX):
            self.checked = not self.checked
        if _inside(at, BUTTON):
            self.num_presses += 1

    def _type(self, text: str) -> None:
        if not self.focused:
            return
        # The field has one line: enter, and so a newline, leaves no mark in it.
        self.text = ("" if self._selected else self.text) + text.replace("\n", "")
        self._selected = False

    def _strike(self, keys: tuple[str, ...]) -> None:
        if not self.focused:
            return
        match keys:
            case ("ctrl", "a"):
                self._selected = True
            case ("backspace",) | ("delete",) if self._selected:
                self.text, self._selected = "", False
            case ("backspace",):
                self.text = self.text[:-1]
            case (char,) if len(char) == 1:
                self._type(char)

    def _draw(self) -> Image.Image:
        picture = Image.new("RGB", self.size, _DESK)
        pen = ImageDraw.Draw(picture)
        pen.text((20, 8), "Name", fill=_PAPER)
        pen.rectangle(_drawn(FIELD), fill=_PAPER, outline=_MARK if self.focused else _INK)
        pen.text((FIELD.left + 4, FIELD.top + 5), self.text, fill=_MARK if self._selected else _INK)
        pen.rectangle(_drawn(CHECK_BOX), fill=_PAPER, outline=_INK)
        if self.checked:
            pen.rectangle((CHECK_BOX.left + 4, CHECK_BOX.top + 4, 31, 71), fill=_MARK)
        pen.text((44, 62), "Remember me", fill=_PAPER)
        pen.rectangle(_drawn(BUTTON), fill=_FACE, outline=_INK)
        pen.text((BUTTON.left + 10, BUTTON.top + 6), f"Save ({self.num_presses})", fill=_INK)
        pen.rectangle(_drawn(LIST), fill=_PAPER, outline=_INK)
        shown = LIST_ROWS[self.first_row : self.first_row + ROWS_IN_SIGHT]
        for nth, row in enumerate(shown):
            pen.text((LIST.left + 6, LIST.top + 2 + 15 * nth), row, fill=_INK)
        pen.rectangle(_drawn(SLIDER), fill=_FACE, outline=_INK)
        handle = SLIDER.left + self.slider
        pen.rectangle((handle - 4, SLIDER.top - 3, handle + 4, SLIDER.bottom + 2), fill=_MARK)
        return picture


def _inside(point: Point, box: Box) -> bool:
    return box.left <= point.x < box.right and box.top <= point.y < box.bottom


def _drawn(box: Box) -> tuple[int, int, int, int]:
    """Pillow counts the far corner in."""
    return box.left, box.top, box.right - 1, box.bottom - 1


def _refuse_unknown(action: Action) -> None:
    match action:
        case (
            Click(modifiers=names)
            | Drag(modifiers=names)
            | Scroll(modifiers=names)
            | Keys(keys=names)
        ):
            for name in names:
                names_of(name)
        case TypeText(text=text):
            refuse_untypable(text)
        case _:
            pass
