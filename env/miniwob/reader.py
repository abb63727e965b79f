"""The privileged reader: every text in sight with a box a character, every widget with its state.

For labels and tests only; the agent never sees it. Text that is cut off, scrolled away or
covered is left out, so what is reported is what a person could read in the screenshot.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from env.actions import Point
from env.miniwob.page import TASK_SIZE, MiniWobPage
from env.screen import Box

TextKind = Literal["text", "value", "placeholder", "select", "option"]
"""Of the document, typed into a field, a field's grey hint, a list's shown choice, a list's row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRun:
    """Text on one line, as far as it is in sight."""

    string: str
    kind: TextKind
    box: Box
    chars: tuple[tuple[str, Box], ...]
    """Each character of `string` with its cell: as wide as its advance, as high as the font.
    Empty for date and time fields, whose characters no script can measure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Widget:
    kind: str
    """button, checkbox, radio, textbox, password, date, time, textarea, select, option,
    link, slider, tab, header, menu item, shape, icon, item (can be dragged), resize handle
    or tree item."""
    label: str
    """What is written on or next to it; an icon's file name, a shape's SVG name; "" if nothing."""
    box: Box
    """The part in sight."""
    at: Point
    """A point that hits it, the middle if that does."""
    checked: bool | None
    """None for what cannot be checked."""
    focused: bool
    value: str | None
    """Of fields; None for everything else."""
    selected: bool
    """A chosen option, the open tab or section, a marked square."""
    disabled: bool
    color: str
    """Of shapes, as CSS writes it: "rgb(255, 0, 0)"; "" for everything else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageReading:
    texts: tuple[TextRun, ...]
    widgets: tuple[Widget, ...]


def read(page: MiniWobPage) -> PageReading:
    """Everything to be read on the task's 160 x 210 pixels now.

    Raises:
        DesktopLost: the browser is gone.
    """
    seen = page.evaluate(_script(), [TASK_SIZE.width, TASK_SIZE.height])
    return PageReading(
        texts=tuple(_text(item) for item in seen["texts"]),
        widgets=tuple(_widget(item) for item in seen["widgets"]),
    )


@cache
def _script() -> str:
    return Path(__file__).with_name("reader.js").read_text(encoding="utf-8")


def _text(item: dict[str, Any]) -> TextRun:
    return TextRun(
        string=item["string"],
        kind=item["kind"],
        box=Box(*item["box"]),
        chars=tuple((char, Box(*box)) for char, box in item["chars"]),
    )


def _widget(item: dict[str, Any]) -> Widget:
    return Widget(
        kind=item["kind"],
        label=item["label"],
        box=Box(*item["box"]),
        at=Point(*item["at"]),
        checked=item["checked"],
        focused=item["focused"],
        value=item["value"],
        selected=item["selected"],
        disabled=item["disabled"],
        color=item["color"],
    )
