"""What the page reader saw, as the labels training takes: glyphs, texts, widgets in words."""

import json
import re

from PIL import ImageColor

from env.miniwob.reader import PageReading, Widget

COLOR_NAMES = (
    "black", "white", "gray", "red", "green", "lime", "blue", "yellow", "orange", "purple",
    "magenta", "cyan", "pink", "brown", "aqua", "navy", "maroon", "olive", "teal",
)  # fmt: skip
"""Names a person would use; a shape's colour is told as the nearest."""

_RGB = re.compile(r"rgba?\((\d+), (\d+), (\d+)")


def labels_json(reading: PageReading) -> str:
    """Glyphs, texts and widgets, each as [text, left, top, right, bottom] in pixels."""
    characters = [
        [character, *box]
        for text in reading.texts
        for character, box in text.chars
        if not character.isspace()
    ]
    texts = [[text.string, *text.box] for text in reading.texts if text.string.strip()]
    widgets = [[in_words(widget), *widget.box] for widget in reading.widgets]
    return json.dumps(
        {"characters": characters, "texts": texts, "widgets": widgets}, ensure_ascii=False
    )


def in_words(widget: Widget) -> str:
    """Kind, label and state: `checkbox "Vel", checked`, `blue circle`."""
    words = f'{widget.kind} "{widget.label}"' if widget.label else widget.kind
    if widget.color:
        words = f"{color_name(widget.color)} {widget.label or widget.kind}"
    states = (
        ("checked", widget.checked),
        ("unchecked", widget.checked is False),
        ("focused", widget.focused),
        ("selected", widget.selected),
        ("disabled", widget.disabled),
    )
    return ", ".join([words, *(name for name, holds in states if holds)])


def color_name(css: str) -> str:
    """The nearest of `COLOR_NAMES` to what CSS calls "rgb(255, 0, 0)"."""
    match = _RGB.match(css)
    if match is None:
        return css
    wanted = tuple(int(part) for part in match.groups())
    return min(COLOR_NAMES, key=lambda name: _distance(ImageColor.getrgb(name), wanted))


def _distance(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=False))
