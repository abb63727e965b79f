"""Opening text documents, Word's and OpenDocument's, and their paragraphs' texts."""

import re
from collections.abc import Iterator
from typing import Any

_SPACE = re.compile(r"\s+")
Opened = Any
"""A `docx.document.Document`; an `odf.opendocument.OpenDocument`."""


def word(path: str | None) -> Opened | None:
    """A Word document; None: it is none. Whatever the agent left there, that is no fault."""
    from docx import Document

    if not path:
        return None
    try:
        return Document(path)
    except Exception:
        # zip, XML and package errors of three libraries, and whatever a broken file makes of them.
        return None


def both(one: str | None, other: str | None) -> tuple[Opened, Opened] | None:
    """Two Word documents; None: one of them is none."""
    opened = word(one), word(other)
    return None if None in opened else opened


def odt(path: str) -> Opened | None:
    from odf.opendocument import load

    try:
        return load(path)
    except Exception:
        # As in `word`.
        return None


def texts(document: Opened) -> list[str]:
    return [paragraph.text for paragraph in document.paragraphs]


def odt_texts(document: Opened) -> list[str]:
    """As OSWorld: text, and text of a span, no deeper."""
    from odf.text import P

    return ["".join(_odt_parts(paragraph)) for paragraph in document.getElementsByType(P)]


def _odt_parts(paragraph: Any) -> Iterator[str]:
    for node in paragraph.childNodes:
        if node.nodeType == node.TEXT_NODE:
            yield node.data
        elif node.nodeType == node.ELEMENT_NODE and node.tagName == "text:span":
            yield from (one.data for one in node.childNodes if one.nodeType == one.TEXT_NODE)


def runs(document: Opened) -> Iterator[Any]:
    """Pieces of one style, of paragraphs outside tables."""
    for paragraph in document.paragraphs:
        yield from paragraph.runs


def table_runs(document: Opened) -> Iterator[Any]:
    for table in document.tables:
        for row in table.rows:
            for cell in row.cells:
                for paragraph in cell.paragraphs:
                    yield from paragraph.runs


def squeezed(paragraphs: list[str]) -> str:
    """One text with single spaces."""
    return _SPACE.sub(" ", "\n".join(paragraphs)).strip()
