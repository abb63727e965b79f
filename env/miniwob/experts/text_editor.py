"""A small text editor: select a word or everything, then press a style or pick a color."""

import re
from typing import Any, NamedTuple

from env.actions import Point
from env.miniwob.experts.gestures import click, drag, keys, submit
from env.miniwob.experts.registry import ExpertLost, Move, expert
from env.miniwob.experts.sight import find, find_shown
from env.miniwob.page import MiniWobPage
from env.screen import Box

_BUTTONS = {"bold": "bold", "italics": "italic", "underlined": "underline"}

_COLORS = {
    "red": "#e60000",
    "orange": "#ff9900",
    "yellow": "#ffff00",
    "green": "#008a00",
    "blue": "#0066cc",
    "purple": "#9933ff",
}
"""The top row of the palette; the page takes the four shades below each, too."""

# The editor's own account of its text, and the box of a stretch of it on the page.
_LOOK = """
word => {
  const text = editor.getText().replace(/\\n$/, '');
  const match = word === null ? {index: 0, length: text.length}
    : {index: (' ' + text + ' ').indexOf(' ' + word + ' '), length: word.length};
  const walker = document.createTreeWalker(document.querySelector('.ql-editor'), 4);
  const range = document.createRange();
  let before = 0, node;
  while ((node = walker.nextNode())) {
    const after = before + node.length, end = match.index + match.length;
    if (before <= match.index && match.index < after)
      range.setStart(node, match.index - before);
    if (before < end && end <= after) range.setEnd(node, end - before);
    before = after;
  }
  const r = range.getBoundingClientRect(), 
    open = document.querySelector('.ql-picker.ql-expanded'),
    // An open palette has the focus; the editor keeps what was selected.
    selection = open ? editor.selection.savedRange : editor.getSelection();
  return {text, ...match, box: [r.left, r.top, r.right, r.bottom].map(Math.round),
    selected: selection && [selection.index, selection.length],
    styles: [...text].map((_, i) => Object.entries(editor.getFormat(i, 1)).map(String))};
}
"""


class Wish(NamedTuple):
    word: str | None
    """None: everything."""
    style: str
    """As the editor writes it: "bold,true", "color,#e60000"."""
    name: str


@expert("text-editor")
def style_text(page: MiniWobPage) -> Move:
    wish = _wish(page.instruction)
    seen: dict[str, Any] = page.evaluate(_LOOK, wish.word)
    start, length = int(seen["index"]), int(seen["length"])
    inside = range(start, start + length)
    for index, styles in enumerate(seen["styles"]):
        if any(style != wish.style or index not in inside for style in styles):
            return _undo(page, seen)
    if all(wish.style in seen["styles"][index] for index in inside):
        return submit(page)
    if (
        seen["selected"] is None
        or seen["selected"][0] != start
        or (min(seen["selected"][1], len(seen["text"]) - start) != length)
    ):
        return _select(page, wish, Box(*seen["box"]))
    if not wish.style.startswith("color"):
        button = find(page, f".ql-{_BUTTONS[wish.name]}")
        return click(button, f"the {wish.name} button", "The text is selected.")
    if not find_shown(page, ".ql-color .ql-picker-options"):
        label = find(page, ".ql-color .ql-picker-label")
        return click(label, "the color button", "The text is selected.")
    color = find(page, f'.ql-color [data-value="{_COLORS[wish.name]}"]')
    return click(color, f"the {wish.name} square", "The palette is open.")


def _wish(instruction: str) -> Wish:
    asked = re.search(
        r"(?:give the text (\S+)|give everything|make everything) the (style|color) (\w+)",
        instruction,
    )
    if asked is None:
        raise ExpertLost(f"no style in {instruction!r}")
    word, kind, name = asked.groups()
    style = f"color,{_COLORS[name]}" if kind == "color" else f"{_BUTTONS[name]},true"
    return Wish(word=word, style=style, name=name)


def _select(page: MiniWobPage, wish: Wish, box: Box) -> Move:
    if wish.word is None:
        paragraph = find(page, ".ql-editor p")
        return click(paragraph, "the text", "Everything is to be selected.", count=3)
    middle = box.center[1]
    # A double click would leave out a full stop, which belongs to the word here.
    return drag(
        Point(box.left, middle),
        Point(box.right, middle),
        box,
        "the mouse",
        f'over "{wish.word}"',
        "It is to be selected.",
    )


def _undo(page: MiniWobPage, seen: dict[str, Any]) -> Move:
    if seen["selected"] is None:
        return click(find(page, ".ql-editor"), "the text", "A style is wrong.")
    return keys("ctrl", "z", thought="A style is wrong.")
