"""Text documents: their words, tables, pictures and references."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image
from rapidfuzz import fuzz

from env.tasks.errors import Unscored
from env.tasks.metrics.documents import both, odt, odt_texts, squeezed, texts, word

_LEAST_ABOVE_BASE = 0.01


def compare_docx_files(one: str | None, other: str | None, **options: Any) -> float:
    """The same paragraphs; with options, nearly."""
    if not one or not other:
        return 0.0
    read = _paragraphs(one, other)
    if read is None:
        return 0.0
    if options.get("ignore_order", False):
        read = [sorted(paragraphs) for paragraphs in read]
    if options.get("delete_empty_lines", False):
        read = [[line for line in paragraphs if line.strip()] for paragraphs in read]
    roughly = options.get("fuzzy_match", False)
    as_one = options.get("content_only", False)
    if as_one or options.get("ignore_blanks", True):
        ours, theirs = (_folded(squeezed(paragraphs), options) for paragraphs in read)
        return fuzz.ratio(ours, theirs) / 100.0 if as_one or roughly else float(ours == theirs)
    if len(read[0]) != len(read[1]):
        return 0.0
    pairs = [(_folded(a, options), _folded(b, options)) for a, b in zip(*read, strict=True)]
    if not roughly:
        return float(all(a == b for a, b in pairs))
    return sum(fuzz.ratio(a, b) / 100.0 for a, b in pairs) / len(pairs) if pairs else 1.0


def _folded(text: str, options: Mapping[str, Any]) -> str:
    return text.lower() if options.get("ignore_case", False) else text


def _paragraphs(one: str, other: str) -> list[list[str]] | None:
    """Of two documents of the same kind; None: they are not, or one cannot be read."""
    if one.endswith(".docx") and other.endswith(".docx"):
        opened, read = (word(one), word(other)), texts
    elif one.endswith(".odt") and other.endswith(".odt"):
        opened, read = (odt(one), odt(other)), odt_texts
    else:
        return None
    return None if None in opened else [read(document) for document in opened]


def compare_docx_files_and_ignore_new_lines(
    one: str | None, other: str | None, **options: Any
) -> float:
    if not one or not other or not (one.endswith(".docx") and other.endswith(".docx")):
        return 0.0
    opened = both(one, other)
    if opened is None:
        return 0.0
    ours, theirs = ([text for text in texts(document) if text] for document in opened)
    if options.get("ignore_blanks", True):
        return float(squeezed(ours) == squeezed(theirs))
    return float(ours == theirs)


def compare_docx_lines(one: str | None, other: str | None) -> float:
    """The same lines in any order, however often."""
    opened = both(one, other)
    if opened is None:
        return 0.0
    ours, theirs = ({text.strip() for text in texts(document)} - {""} for document in opened)
    return float(ours == theirs)


def compare_init_lines(one: str | None, other: str | None) -> float:
    """The same paragraphs as far as the shorter document goes."""
    opened = both(one, other)
    if opened is None:
        return 0.0
    return float(all(a == b for a, b in zip(*map(texts, opened), strict=False)))


def compare_docx_tables(one: str | None, other: str | None) -> float:
    opened = both(one, other)
    if opened is None:
        return 0.0
    ours, theirs = (document.tables for document in opened)
    return float(len(ours) == len(theirs) and all(map(_same_table, ours, theirs)))


def _same_table(one: Any, other: Any) -> bool:
    rows, columns = len(one.rows), len(one.columns)
    if (rows, columns) != (len(other.rows), len(other.columns)):
        return False
    return all(
        one.cell(row, column).text.strip() == other.cell(row, column).text.strip()
        for row in range(rows)
        for column in range(columns)
    )


def compare_docx_images(one: str | None, other: str | None) -> float:
    """The same pictures, pixel by pixel, in the same order."""
    opened = both(one, other)
    if opened is None:
        return 0.0
    ours, theirs = map(_pictures, opened)
    if len(ours) != len(theirs):
        return 0.0
    return float(all(_pixels(a) == _pixels(b) for a, b in zip(ours, theirs, strict=True)))


def _pictures(document: Any) -> list[bytes]:
    relations = document.part.rels.values()
    return [one.target_part.blob for one in relations if "image" in one.reltype]


def _pixels(content: bytes) -> bytes:
    with Image.open(BytesIO(content)) as image:
        return image.tobytes()


def compare_contains_image(one: str | None, other: str | None) -> float:
    """Pictures stand in the same pieces of text."""
    opened = both(one, other)
    if opened is None:
        return 0.0
    return float(all(a == b for a, b in _paired_runs(*opened, _has_picture)))


def _has_picture(run: Any) -> bool:
    return "graphicData" in run._element.xml


def compare_insert_equation(one: str | None, other: str | None) -> float:
    """The same text, and an equation at the same place of both."""
    if not compare_docx_files(one, other):
        return 0.0
    opened = both(one, other)
    if opened is None:
        return 0.0
    has = _paired_runs(*opened, lambda run: bool(run.element.xpath(".//w:object")))
    return float(any(a and b for a, b in has))


def _paired_runs(one: Any, other: Any, read: Any) -> list[tuple[Any, Any]]:
    return [
        (read(a), read(b))
        for first, second in zip(one.paragraphs, other.paragraphs, strict=False)
        for a, b in zip(first.runs, second.runs, strict=False)
    ]


def compare_line_spacing(one: str | None, other: str | None) -> float:
    """The same text with the same space between its lines."""
    if not compare_docx_files(one, other):
        return 0.0
    opened = both(one, other)
    if opened is None:
        return 0.0
    ours, theirs = (
        [paragraph.paragraph_format.line_spacing for paragraph in document.paragraphs]
        for document in opened
    )
    return float(ours == theirs)


def compare_image_text(result: str | None, rule: Mapping[str, Any]) -> float:
    """Raises `Unscored`: OSWorld reads the picture's text with a network that is not here."""
    if not result or not Path(result).exists():
        return 0.0
    raise Unscored("needs text recognition (EasyOCR and its weights)")


def compare_references(one: str | None, other: str | None, **options: Any) -> float:
    """How alike the references are, above what they were at the start (`reference_base_result`)."""
    if not one or not other or not (one.endswith(".docx") and other.endswith(".docx")):
        return 0.0
    opened = both(one, other)
    if opened is None:
        return 0.0
    heading = options.get("reference_indicator", "References")
    base = options.get("reference_base_result", 0.5)
    ours, theirs = (_after(texts(document), heading) for document in opened)
    if ours is None and theirs is None:
        return 1.0
    if ours is None or theirs is None or len(ours) != len(theirs):
        return 0.0
    alike = [fuzz.ratio(a, b) / 100.0 for a, b in zip(ours, theirs, strict=True)]
    mean = sum(alike) / len(alike)
    return (mean - base) / (1 - base) if mean >= base + _LEAST_ABOVE_BASE else 0.0


def _after(paragraphs: list[str], heading: str) -> list[str] | None:
    if heading not in paragraphs:
        return None
    return [line for line in paragraphs[paragraphs.index(heading) + 1 :] if line.strip()]


def compare_unique_train_records(
    result: str | None, expected: Sequence[str | None], **options: Any
) -> float:
    """Each train once, in lines of the first document, as many as in the gold one.

    Args:
        expected: the gold document; the one it all began with.
    """
    if not result or not isinstance(expected, list) or len(expected) < 2 or not all(expected[:2]):
        return 0.0
    read = [_records(path) for path in (result, expected[0], expected[1])]
    if read[0] is None or read[1] is None or read[2] is None:
        return 0.0
    (lines, trains), (gold_lines, gold_trains), (first_lines, _) = read[0], read[1], read[2]
    return float(
        set(lines) <= set(first_lines)
        and len(trains) == len(set(trains))
        and set(trains) == set(gold_trains)
        and len(lines) == len(gold_lines)
    )


def _records(path: str | None) -> tuple[list[str], list[str]] | None:
    """Lines, and the second of the four fields of those that have four."""
    document = word(path)
    if document is None:
        return None
    lines = [text.strip() for text in texts(document) if text.strip()]
    fields = (line.split(",") for line in lines)
    return lines, [record[1].strip() for record in fields if len(record) == 4]


def get_unique_train_ids(path: str | None) -> tuple[set[str], int]:
    """Which trains a document names, and how many."""
    document = word(path)
    if document is None:
        return set(), 0
    fields = (text.split(",") for text in texts(document))
    trains = {record[1].strip() for record in fields if len(record) == 4}
    return trains, len(trains)


def check_file_exists(directory: str | None, name: str | None) -> float:
    if not directory or not name:
        return 0.0
    return float((Path(directory) / name).is_file())
