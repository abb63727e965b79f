"""Presentations to work on in Impress, and how they should look afterwards."""

import random
from collections.abc import Callable, Sequence
from datetime import datetime
from io import BytesIO

from pptx import Presentation
from pptx.presentation import Presentation as Pptx

from env.tasks.suites.desktop.inputs.files import made

_SLIDES = (
    ("Our harbour", "Founded in 1902"),
    ("Ships", "Ferries and freighters"),
    ("Old plans", "Not needed any more"),
    ("Next year", "A new pier"),
)


@made("impress/harbour.pptx")
def harbour(rng: random.Random) -> bytes:
    return _slides()


@made("impress/harbour_three.pptx")
def harbour_three(rng: random.Random) -> bytes:
    def drop(deck: Pptx) -> None:
        slides = deck.slides._sldIdLst
        slides.remove(slides[2])

    return _slides(drop)


@made("impress/harbour_title.pptx")
def harbour_title(rng: random.Random) -> bytes:
    def rename(deck: Pptx) -> None:
        title = deck.slides[0].shapes.title
        assert title is not None
        title.text = "The new harbour"

    return _slides(rename)


@made("impress/harbour_twice.pptx")
def harbour_twice(rng: random.Random) -> bytes:
    return _slides(slides=(_SLIDES[0], *_SLIDES))


def _slides(
    change: Callable[[Pptx], None] = lambda deck: None,
    slides: Sequence[tuple[str, str]] = _SLIDES,
) -> bytes:
    deck = Presentation()
    for title, text in slides:
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        assert slide.shapes.title is not None
        slide.shapes.title.text = title
        slide.placeholders[1].text = text
    change(deck)
    deck.core_properties.created = deck.core_properties.modified = datetime(2026, 1, 1)
    file = BytesIO()
    deck.save(file)
    return file.getvalue()
