"""Spreadsheets: rule by rule, and tables of plain text."""

import re
import unicodedata
import warnings
from collections.abc import Mapping, Sequence
from functools import cached_property
from io import BytesIO
from itertools import dropwhile
from pathlib import Path
from typing import Any

from openpyxl import load_workbook
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.cell_range import MultiCellRange
from rapidfuzz import fuzz

from env.tasks.errors import TaskRefused
from env.tasks.metrics import cell_style, workbook
from env.tasks.metrics.rules import follows

_ENCODINGS = ("utf-8-sig", "latin-1")
"""The second fits any bytes."""

_FUZZY_THRESHOLD = 85.0


def compare_csv(result: str | None, expected: str | Sequence[str], **options: Any) -> float:
    """The same lines as one of the expected files'."""
    if result is None or not Path(result).is_file():
        return 0.0
    ours = _shaped(_lines(result), options)
    files = [expected] if isinstance(expected, str) else expected
    return float(any(ours == _shaped(_lines(one), options) for one in files if Path(one).is_file()))


def _shaped(lines: list[str], options: Mapping[str, Any]) -> list[str]:
    if not options.get("strict", True):
        lines = [line.strip() for line in lines]
    return [line.lower() for line in lines] if options.get("ignore_case", False) else lines


def _lines(path: str | Path) -> list[str]:
    content = Path(path).read_bytes()
    for encoding in _ENCODINGS:
        try:
            # As a text file is read: "\r\n" and "\r" are line ends like "\n".
            return content.decode(encoding).replace("\r\n", "\n").replace("\r", "\n").splitlines()
        except UnicodeDecodeError:
            continue
    raise AssertionError("latin-1 decodes everything")


class _Book:
    """One file, opened for each way it is looked at when it first is."""

    def __init__(self, path: str, exact: bool) -> None:
        self.path = path
        self.exact = exact

    @cached_property
    def cells(self) -> Any:
        with warnings.catch_warnings():
            # Of what it leaves out; that is read from the file's own XML.
            warnings.simplefilter("ignore", UserWarning)
            return load_workbook(self.path)

    @cached_property
    def frames(self) -> Any:
        import pandas

        # From memory: a file would stay open for as long as the frames are held.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            return pandas.ExcelFile(BytesIO(Path(self.path).read_bytes()))

    @property
    def names(self) -> list[str]:
        return [str(name) for name in self.frames.sheet_names]


class _Sheet:
    """One sheet of a book, which need not have it."""

    def __init__(self, book: _Book, name: str) -> None:
        self.book = book
        self.name = name

    @property
    def there(self) -> bool:
        return self.name in self.book.names

    @cached_property
    def cells(self) -> Any:
        return self.book.cells[self.name]

    @cached_property
    def frame(self) -> Any:
        import pandas

        return pandas.read_excel(self.book.frames, self.name)

    @cached_property
    def stored(self) -> workbook.StoredSheet:
        return workbook.StoredSheet(self.book.path, self.name, exact=self.book.exact)

    @property
    def printed(self) -> list[str] | None:
        """The lines of a table of text beside the book, backwards, without empty ones at its
        end; None: it is not there. A step of the task makes it: `<book>-<sheet>.csv`."""
        path = Path(f"{self.book.path.rsplit('.', 1)[0]}-{self.name}.csv")
        if not path.is_file():
            return None
        backwards = (line.strip() for line in reversed(_lines(path)))
        return list(dropwhile(lambda line: not line, backwards))


def compare_table(
    result: str | None, expected: str | None = None, *, exact: bool = False, **options: Any
) -> float:
    """Every rule holds, of one book or of two.

    Sheets are named "RI0", "RNname" (of the result, by place or name), "EI0", "ENname" (of the
    expected); 0 is "RI0".
    """
    if result is None or not Path(result).is_file():
        return 0.0
    ours = _Book(result, exact)
    try:
        _ = ours.cells, ours.frames
    except Exception:
        # Three libraries deep; whatever they raise, what the agent left is no workbook.
        return 0.0
    books = {"R": ours, "E": _Book(expected, exact) if expected is not None else None}
    return float(all(_holds(rule, books) for rule in options["rules"]))


def _sheet(reference: int | str, books: Mapping[str, _Book | None]) -> _Sheet:
    """Raises `ValueError`: no such reference, or no book to expect."""
    text = f"RI{reference}" if isinstance(reference, int) else reference
    book = books.get(text[:1])
    if book is None or text[1:2] not in ("I", "N"):
        raise ValueError(f"no sheet is called {reference!r}")
    if text[1] == "N":
        return _Sheet(book, text[2:])
    place = int(text[2:])
    return _Sheet(book, book.names[place] if -len(book.names) <= place < len(book.names) else "")


def _holds(rule: Mapping[str, Any], books: Mapping[str, _Book | None]) -> bool:
    kind = rule["type"]
    if kind == "sheet_name":
        theirs = books["E"]
        return books["R"] is not None and theirs is not None and books["R"].names == theirs.names
    if kind in _OF_ONE:
        sheet = _sheet(rule["sheet_idx"], books)
        return sheet.there and _OF_ONE[kind](sheet, rule)
    if kind not in _OF_TWO:
        raise TaskRefused(f"no rule of a sheet is called {kind!r}")
    one, other = _sheet(rule["sheet_idx0"], books), _sheet(rule["sheet_idx1"], books)
    return bool(_OF_TWO[kind](one, other, rule))


def _same_data(one: _Sheet, other: _Sheet, rule: Mapping[str, Any]) -> bool:
    if not one.there:
        return False
    digits = rule.get("precision", 4)
    return bool(one.frame.round(digits).equals(other.frame.round(digits)))


def _same_print(one: _Sheet, other: _Sheet, rule: Mapping[str, Any]) -> bool:
    ours, theirs = one.printed, other.printed
    if ours is None:
        return False
    if theirs is None:
        raise FileNotFoundError(f"the table of {other.book.path}, {other.name}")
    if rule.get("ignore_case", False):
        return [line.lower() for line in ours] == [line.lower() for line in theirs]
    return ours == theirs


def _same_roughly(one: _Sheet, other: _Sheet, rule: Mapping[str, Any]) -> bool:
    return all(
        _alike(one.stored.value(place), other.stored.value(place), inner)
        for inner in rule["rules"]
        for area in MultiCellRange(inner["range"])
        for place in (f"{get_column_letter(column)}{row}" for row, column in area.cells)
    )


def _trimmed(text: str, rule: Mapping[str, Any]) -> str:
    for before, after in rule.get("normalization", ()):
        text = text.replace(before, after)
    if "trim_leadings" in rule:
        text = text.lstrip(rule["trim_leadings"])
    if "trim_trailings" in rule:
        text = text.rstrip(rule["trim_trailings"])
    if "ignore_chars" in rule:
        text = "".join(letter for letter in text if letter not in rule["ignore_chars"])
    return text.lower() if rule.get("ignore_case", False) else text


def _alike(one: Any, other: Any, rule: Mapping[str, Any]) -> bool:
    ours, theirs = _trimmed(str(one), rule), _trimmed(str(other), rule)
    match rule["type"]:
        case "includes":
            return theirs in ours
        case "included_by":
            return ours in theirs
        case "fuzzy_match":
            return fuzz.ratio(ours, theirs) >= rule.get("threshold", _FUZZY_THRESHOLD)
        case "exact_match":
            return ours == theirs
    raise TaskRefused(f"texts are not compared by {rule['type']!r}")


def _freeze_of(sheet: _Sheet) -> tuple[Any, ...]:
    """Where the sheet is split. Not by the cell shown first, which scrolling changes."""
    pane = sheet.cells.sheet_view.pane
    if pane is None:
        return ()
    split = (int(pane.xSplit or 0), int(pane.ySplit or 0))
    if (pane.state or "").lower() in ("frozen", "frozensplit"):
        return ("frozen", *split)
    return ("other", *split, pane.topLeftCell)


def _has_zoom(sheet: _Sheet, rule: Mapping[str, Any]) -> bool:
    return follows(sheet.cells.sheet_view.zoomScale or 100.0, rule)


def _has_validation(sheet: _Sheet, rule: Mapping[str, Any]) -> bool:
    """There are as many as expected, and each is one of the expected."""
    found = sheet.cells.data_validations.dataValidation
    wanted = rule["dv_props"]
    return len(found) >= len(wanted) and all(
        any(
            all(follows(getattr(one, name), inner) for name, inner in properties.items())
            for properties in wanted
        )
        for one in found
    )


def _has_cell(sheet: _Sheet, rule: Mapping[str, Any]) -> bool:
    place = rule["coordinate"]
    try:
        cell = sheet.cells[place]
        return all(
            follows(_property(sheet, cell, place, name), inner)
            for name, inner in rule["props"].items()
        )
    except TaskRefused:
        raise
    except Exception:
        # As in OSWorld: a value that a rule cannot be asked of does not follow it.
        return False


def _property(sheet: _Sheet, cell: Any, place: str, name: str) -> Any:
    if name == "value":
        return sheet.stored.value(place)
    try:
        return cell_style.style_of(name, cell)
    except (AttributeError, TaskRefused):
        return None


def _of_cells(read: Any) -> Any:
    """Both sheets tell the same; one that is not there tells nothing."""

    def same(one: _Sheet, other: _Sheet, rule: Mapping[str, Any]) -> bool:
        ours, theirs = (read(sheet, rule) if sheet.there else {} for sheet in (one, other))
        return bool(ours == theirs)

    return same


_OF_ONE: Mapping[str, Any] = {
    "zoom": _has_zoom,
    "data_validation": _has_validation,
    "check_cell": _has_cell,
}
_OF_TWO: Mapping[str, Any] = {
    "sheet_data": _same_data,
    "sheet_print": _same_print,
    "sheet_fuzzy": _same_roughly,
    "freeze": lambda one, other, rule: one.there and _freeze_of(one) == _freeze_of(other),
    "sparkline": _of_cells(
        lambda sheet, rule: workbook.sparklines(sheet.book.path, sheet.name, exact=sheet.book.exact)
    ),
    "chart": _of_cells(
        lambda sheet, rule: workbook.charts(sheet.cells, rule, exact=sheet.book.exact)
    ),
    "pivot_table": _of_cells(lambda sheet, rule: workbook.pivots(sheet.cells, rule)),
    "style": _of_cells(lambda sheet, rule: cell_style.styles(sheet.cells, sheet.stored, rule)),
    "row_props": _of_cells(lambda sheet, rule: workbook.lines(sheet.cells, "row", rule)),
    "col_props": _of_cells(lambda sheet, rule: workbook.lines(sheet.cells, "column", rule)),
    "filter": _of_cells(lambda sheet, rule: workbook.filters(sheet.cells)),
}


def compare_conference_city_in_order(result: str, rules: Mapping[str, Any]) -> float:
    """Column C from the second row on holds the cities, each one of those that may stand there;
    case, accents and punctuation do not matter."""
    column = [row[0].value for row in load_workbook(result).active["C2:C22"]]
    expected = rules["expected"]
    if len(expected) < len(column):
        return 0.0
    return float(all(map(_is_one_of, column, expected)))


def _is_one_of(value: Any, expected: str | Sequence[str]) -> bool:
    found = _plain(value)
    names = map(_plain, (expected,) if isinstance(expected, str) else expected)
    return any(name and name in found for name in names)


def _plain(value: Any) -> str:
    letters = unicodedata.normalize("NFKD", "" if value is None else str(value))
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return re.sub(r"[^a-z0-9]+", " ", bare.lower()).strip()
