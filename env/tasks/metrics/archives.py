"""Files that hold files: archives, e-books, pages of HTML."""

import difflib
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from env.tasks import registry
from env.tasks.errors import TaskRefused

_LARGEST_BYTES = 2_000_000_000
"""Unpacked: an archive of an agent's making may hold anything."""

_PDF_LIKENESS = 0.95
_BY_TYPE: Mapping[str, str] = {
    "text": "compare_text_file",
    "pdf": "compare_pdfs",
    "docx": "compare_docx_files",
    "ppt": "compare_pptx_files",
    "image": "compare_images",
    "csv": "compare_csv",
    "table": "compare_table",
    "audio": "compare_audios",
    "video": "compare_videos",
}


def compare_archive(result: str | None, expected: str, **options: Any) -> float:
    """How alike the files in a folder of two archives are, on average; 0 if their names differ."""
    if not result:
        return 0.0
    inner = options.pop("file_path", "")
    kind = options.pop("file_type", "text")
    if kind not in _BY_TYPE:
        raise ValueError(f"archives are not compared by {kind!r}")
    compare = registry.metric(_BY_TYPE[kind])
    with tempfile.TemporaryDirectory() as ours, tempfile.TemporaryDirectory() as theirs:
        if not _unpacked(result, ours):
            return 0.0
        _unpacked(expected, theirs)
        found, wanted = (_names(Path(folder), inner) for folder in (ours, theirs))
        if not found or list(found) != list(wanted):
            return 0.0
        scores = [compare(str(found[name]), str(wanted[name]), **options) for name in found]
    return float(sum(scores) / len(scores))


def _unpacked(path: str, folder: str) -> bool:
    """False: it is no archive, or of a kind that is not known."""
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                if sum(one.file_size for one in archive.infolist()) > _LARGEST_BYTES:
                    return False
                archive.extractall(folder)
        else:
            # "data": nothing outside the folder, no links that lead out, no devices.
            shutil.unpack_archive(path, folder, filter="data")
    except (shutil.ReadError, zipfile.BadZipFile, OSError, ValueError):
        return False
    return True


def _names(folder: Path, inner: str) -> dict[str, Path]:
    where = (folder / inner).resolve()
    if not where.is_relative_to(folder.resolve()):
        raise TaskRefused(f"file_path {inner!r} leads out of the archive")
    return {path.name: path for path in sorted(where.iterdir())} if where.is_dir() else {}


def compare_zip_files(result: str | None, expected: str, **options: Any) -> float:
    """The same files with the same bytes; of PDF files nearly the same text."""
    if not result:
        return 0.0
    with zipfile.ZipFile(result) as ours, zipfile.ZipFile(expected) as theirs:
        if set(ours.namelist()) != set(theirs.namelist()):
            return 0.0
        return float(
            all(_same_entry(name, ours.read(name), theirs.read(name)) for name in ours.namelist())
        )


def _same_entry(name: str, one: bytes, other: bytes) -> bool:
    if not name.lower().endswith(".pdf"):
        return one == other
    matcher = difflib.SequenceMatcher(None, _pdf_text(one), _pdf_text(other))
    return matcher.ratio() >= _PDF_LIKENESS


def _pdf_text(content: bytes) -> str:
    from io import BytesIO

    from pypdf import PdfReader

    return "".join(page.extract_text() for page in PdfReader(BytesIO(content)).pages)


def compare_epub(result: str | None, expected: str) -> float:
    """How alike the lines of contents, description and pages are, on average over the result's."""
    if result is None:
        return 0.0
    ours, theirs = _chapters(result), _chapters(expected)
    alike = (difflib.SequenceMatcher(a=a, b=b).ratio() for a, b in zip(ours, theirs, strict=False))
    return sum(alike) / len(ours) if ours else 0.0


def _chapters(path: str) -> list[list[str]]:
    """Lines of each file in an e-book that matters, in the order of the files' names."""
    without = {"toc.ncx": "navPoint", "content.opf": "dc:identifier"}
    chapters: dict[str, list[str]] = {}
    try:
        with zipfile.ZipFile(path) as book:
            for name in book.namelist():
                if name in without:
                    lines = book.read(name).decode().splitlines()
                    chapters[name] = [line for line in lines if without[name] not in line]
                elif name.endswith(".html"):
                    chapters[name] = _printed(book.read(name).decode())
    except zipfile.BadZipFile:
        return []
    return [chapters[name] for name in sorted(chapters)]


def _printed(page: str) -> list[str]:
    """A page's lines, broken where its elements are and not where its author did."""
    from lxml import html

    root = html.fromstring(page.replace("\n", "").replace("\r", "").encode())
    text: str = html.tostring(root, pretty_print=True, encoding="unicode")
    return text.splitlines()


def compare_htmls(result: str, expected: str, *, exact: bool = False, **options: Any) -> float:
    """The same elements with the same texts and attributes.

    Args:
        exact: what one page has more at its end does not count, as OSWorld has it.
    """
    from bs4 import BeautifulSoup

    ours, theirs = (
        list(BeautifulSoup(Path(path).read_text(encoding="utf-8"), "lxml").descendants)
        for path in (result, expected)
    )
    if len(ours) != len(theirs) and not exact:
        return 0.0
    ignored = {"sdnum"} if options.get("ignore_sdnum") else set()
    return float(all(_same_node(a, b, ignored) for a, b in zip(ours, theirs, strict=False)))


def _same_node(one: Any, other: Any, ignored: set[str]) -> bool:
    from bs4 import Tag

    if not (isinstance(one, Tag) and isinstance(other, Tag)):
        return bool(one == other)
    attributes = (
        {key: value for key, value in node.attrs.items() if key not in ignored}
        for node in (one, other)
    )
    first, second = attributes
    return one.name == other.name and one.text.strip() == other.text.strip() and first == second
