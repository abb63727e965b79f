"""Documents to work on in Writer, and how they should look afterwards."""

import random
from collections.abc import Callable
from datetime import datetime
from io import BytesIO

from docx import Document
from docx.document import Document as Docx
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_BREAK

from env.tasks.suites.desktop.inputs.files import made

_SENTENCES = (
    "The ferry leaves at nine and comes back in the evening.",
    "Nobody has painted the boat house since the storm.",
    "A letter from the council lies on the kitchen table.",
    "The garden needs water before the weekend.",
    "Two windows on the north side do not close.",
    "The keys hang behind the pantry door.",
)
TITLE = "House by the sea"
CLOSING = "Please lock the gate."


@made("writer/house.docx")
def house(rng: random.Random) -> bytes:
    return _house(rng)


@made("writer/house_closing.docx", like="writer/house.docx")
def house_closing(rng: random.Random) -> bytes:
    return _house(rng, lambda document: document.add_paragraph(CLOSING))


@made("writer/house_cottage.docx", like="writer/house.docx")
def house_cottage(rng: random.Random) -> bytes:
    def rename(document: Docx) -> None:
        for paragraph in document.paragraphs:
            paragraph.text = paragraph.text.replace("boat house", "cottage")

    return _house(rng, rename)


@made("writer/house_double.docx", like="writer/house.docx")
def house_double(rng: random.Random) -> bytes:
    def space(document: Docx) -> None:
        for paragraph in document.paragraphs:
            paragraph.paragraph_format.line_spacing = 2.0

    return _house(rng, space)


@made("writer/house_short.docx", like="writer/house.docx")
def house_short(rng: random.Random) -> bytes:
    def shorten(document: Docx) -> None:
        last = document.paragraphs[-1]._element
        last.getparent().remove(last)

    return _house(rng, shorten)


@made("writer/house_title.docx", like="writer/house.docx")
def house_title(rng: random.Random) -> bytes:
    def center(document: Docx) -> None:
        document.paragraphs[0].alignment = WD_ALIGN_PARAGRAPH.CENTER

    return _house(rng, center)


@made("writer/house_page.docx", like="writer/house.docx")
def house_page(rng: random.Random) -> bytes:
    def turn(document: Docx) -> None:
        document.paragraphs[-1].insert_paragraph_before().add_run().add_break(WD_BREAK.PAGE)

    return _house(rng, turn)


@made("writer/empty.docx")
def empty(rng: random.Random) -> bytes:
    return _bytes(Document())


@made("writer/table.docx")
def table(rng: random.Random) -> bytes:
    document = Document()
    document.add_table(rows=2, cols=3)
    return _bytes(document)


def _house(rng: random.Random, change: Callable[[Docx], object] = lambda document: None) -> bytes:
    document = Document()
    document.add_paragraph(TITLE)
    for sentence in rng.sample(_SENTENCES, len(_SENTENCES)):
        document.add_paragraph(sentence)
    change(document)
    return _bytes(document)


def _bytes(document: Docx) -> bytes:
    document.core_properties.created = document.core_properties.modified = datetime(2026, 1, 1)
    file = BytesIO()
    document.save(file)
    return file.getvalue()
