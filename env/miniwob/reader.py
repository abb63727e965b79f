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

# `this` is the closed inside of the field: one text node a part, others for the separators.
DATE_CELLS = """
function() {
  const cells = [], walker = document.createTreeWalker(this, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    for (let i = 0; i < node.data.length; i++) {
      range.setStart(node, i);
      range.setEnd(node, i + 1);
      const r = range.getClientRects()[0];
      if (!r || r.width < 1) continue;
      const char = node.data[i].replace(/\\s/, ' ');
      cells.push([char, [r.left, r.top, r.right, r.bottom].map(Math.round)]);
    }
  }
  return cells;
}
"""

TextKind = Literal["text", "value", "placeholder", "select", "option"]
"""Of the document, typed into a field, a field's grey hint, a list's shown choice, a list's row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRun:
    """Text on one line, as far as it is in sight."""

    string: str
    kind: TextKind
    box: Box
    chars: tuple[tuple[str, Box], ...]
    """Each character of `string` with its cell: as wide as its advance, as high as the font."""


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
    texts = [_text(item) for item in seen["texts"]]
    widgets = tuple(_widget(item) for item in seen["widgets"])
    if any(widget.kind in ("date", "time") for widget in widgets):
        texts += _date_field(page)
    return PageReading(texts=tuple(texts), widgets=widgets)


def _date_field(page: MiniWobPage) -> list[TextRun]:
    """The text of the page's first date or time field, hints for missing parts included."""
    cells = page.inside("input[type=date], input[type=time]", DATE_CELLS)
    chars = tuple((char, Box(*box)) for char, box in cells)
    if not chars:
        return []
    boxes = [box for _, box in chars]
    box = Box(boxes[0].left, boxes[0].top, boxes[-1].right, boxes[0].bottom)
    return [TextRun(string="".join(char for char, _ in chars), kind="value", box=box, chars=chars)]


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
