"""A labelled page to train on: drawn here, so that what stands where is known."""

from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from model.train.samples import Label

WORDS = {"Submit": (20, 20), "Vel": (20, 60), "kV": (90, 60), "no": (20, 100), "42": (90, 100)}
SIZE = (140, 140)


@pytest.fixture
def characters(tmp_path: Path) -> list[Label]:
    """Glyphs 6 pixels wide and 10 high, words as in `WORDS`; draws `page_picture` too."""
    picture = Image.new("RGB", SIZE, "white")
    pen = ImageDraw.Draw(picture)
    glyphs = []
    for word, (left, top) in WORDS.items():
        for place, glyph in enumerate(word):
            x = left + 6 * place
            pen.text((x, top - 1), glyph, fill="black")
            glyphs.append(Label(glyph, x, top, x + 6, top + 10))
    picture.save(tmp_path / "page.png")
    return glyphs


@pytest.fixture
def page_picture(tmp_path: Path, characters: list[Label]) -> Path:
    return tmp_path / "page.png"
