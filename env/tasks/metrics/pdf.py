"""PDF files: their text, their pictures, their pages."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rapidfuzz import fuzz

from env.tasks.metrics.rules import follows

_NEAR_HASH = 5
"""Bits of 64 in which two pictures' hashes may differ."""


def text_of(path: str | Path) -> str:
    """The text of all pages. Raises `pypdfium2.PdfiumError`."""
    from pypdfium2 import PdfDocument

    with PdfDocument(str(path)) as document:
        pages = [page.get_textpage().get_text_bounded() for page in document]
    return "".join(text.replace("\r\n", "\n") for text in pages).strip()


def compare_pdfs(result: str | Sequence[str], expected: str | Sequence[str]) -> float:
    """How alike the texts are, on average. A file that cannot be read counts 0."""
    if not isinstance(expected, list):
        result, expected = [result], [expected]  # type: ignore[list-item]
    return sum(map(_likeness, result, expected)) / len(expected)


def _likeness(one: str, other: str) -> float:
    from pypdfium2 import PdfiumError

    if not one or not other:
        return 0.0
    try:
        return fuzz.ratio(text_of(one), text_of(other)) / 100.0
    except (PdfiumError, OSError):
        return 0.0


def compare_pdf_images(result: str | None, expected: str | None, **options: Any) -> float:
    """The share of pictures that look the same, of files that have as many."""
    from imagehash import phash

    if not result or not expected or not (Path(result).exists() and Path(expected).exists()):
        return 0.0
    try:
        ours, theirs = _pictures(result), _pictures(expected)
    except Exception:
        # A dozen ways in which a file can be no PDF.
        return 0.0
    if len(ours) != len(theirs):
        return 0.0
    if not ours:
        return 1.0
    near = (phash(a) - phash(b) <= _NEAR_HASH for a, b in zip(ours, theirs, strict=True))
    return sum(near) / len(ours)


def _pictures(path: str) -> list[Any]:
    from pypdf import PdfReader

    return [one.image for page in PdfReader(path).pages for one in page.images if one.image]


def check_pdf_pages(result: str | None, rules: Mapping[str, Any]) -> float:
    """Their number against `ref_value`, by `relation`."""
    from pypdf import PdfReader

    if result is None:
        return 0.0
    rule = {"method": rules["relation"], "ref": rules["ref_value"]}
    return float(follows(len(PdfReader(result).pages), rule))
