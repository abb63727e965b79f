"""What a spreadsheet file says of itself, beyond what openpyxl tells: as plain values.

Cell values are read from the file's own XML, as OSWorld does: what is stored, a date being
a number, and what a formula came to when it was last worked out.
"""

import zipfile
from collections.abc import Mapping
from itertools import dropwhile
from typing import Any

from openpyxl.utils import coordinate_to_tuple

from env.tasks.metrics.markup import parsed

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATED = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_X14 = "http://schemas.microsoft.com/office/spreadsheetml/2009/9/main"
_SPACE_NAME = "{http://www.w3.org/XML/1998/namespace}space"
_SPACE = "@http://www.w3.org/XML/1998/namespace:space"
_XM = "http://schemas.microsoft.com/office/excel/2006/main"


class StoredSheet:
    """The cells of one sheet, as they are stored. A sheet that is not there has none."""

    def __init__(self, path: str, name: str, *, exact: bool = False) -> None:
        """
        Args:
            exact: as OSWorld: the sheet's file is guessed by its id, text in several styles
                is empty, and true and false are nothing.
        """
        self._exact = exact
        self._cells: dict[str, Any] = {}
        self._strings: list[str] = []
        self.root: Any = None
        try:
            with zipfile.ZipFile(path) as book:
                self.root = parsed(book.read(_part_of(book, name, exact)))
                self._strings = self._shared(book)
        except (zipfile.BadZipFile, KeyError, OSError):
            return
        for cell in self.root.iterfind(f".//{{{_MAIN}}}row/{{{_MAIN}}}c"):
            self._cells.setdefault(cell.get("r"), cell)

    def value(self, coordinate: str) -> Any:
        """None: no such cell, or nothing in it."""
        cell = self._cells.get(coordinate)
        if cell is None:
            return None
        kind, stored = cell.get("t", "n"), cell.findtext(f"{{{_MAIN}}}v")
        text = stored.strip() if stored else None
        if kind == "inlineStr":
            return self._inline(cell)
        if text is None:
            return None
        match kind:
            case "n":
                return _number(text)
            case "s":
                return self._strings[int(text)]
            case "str" | "e":
                return text
            case "b" if not self._exact:
                return text == "1"
        return None

    def _inline(self, cell: Any) -> Any:
        if not self._exact:
            return "".join(one.text or "" for one in cell.iterfind(f".//{{{_MAIN}}}t"))
        text = cell.find(f"{{{_MAIN}}}is/{{{_MAIN}}}t")
        if text is None:
            return None
        stripped = (text.text or "").strip() or None
        # As xmltodict has it: an element that says how spaces count is no text but a table.
        return {_SPACE: text.get(_SPACE_NAME), "#text": stripped} if text.attrib else stripped

    def _shared(self, book: zipfile.ZipFile) -> list[str]:
        try:
            root = parsed(book.read("xl/sharedStrings.xml"))
        except KeyError:
            return []
        where = f"{{{_MAIN}}}t" if self._exact else f".//{{{_MAIN}}}t"
        return [
            "".join(text.text or "" for text in entry.iterfind(where))
            for entry in root.iterfind(f"{{{_MAIN}}}si")
        ]


def _part_of(book: zipfile.ZipFile, name: str, exact: bool) -> str:
    """The file within the file that holds a sheet. Raises `KeyError`."""
    sheets = parsed(book.read("xl/workbook.xml")).iterfind(f"{{{_MAIN}}}sheets/{{{_MAIN}}}sheet")
    sheet = {one.get("name"): one for one in sheets}[name]
    if exact:
        return f"xl/worksheets/sheet{sheet.get('sheetId')}.xml"
    relations = parsed(book.read("xl/_rels/workbook.xml.rels"))
    targets = {one.get("Id"): one.get("Target") for one in relations}
    target: str = targets[sheet.get(f"{{{_RELATED}}}id")]
    return target.lstrip("/") if target.startswith("/") else f"xl/{target}"


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def sparklines(path: str, name: str, *, exact: bool = False) -> dict[str, str | None]:
    """Small charts in cells: {"F3": "Sheet1!C3:E3"}."""
    root = StoredSheet(path, name, exact=exact).root
    if root is None:
        return {}
    found = root.iterfind(f".//{{{_X14}}}sparkline")
    return {one.findtext(f"{{{_XM}}}sqref"): one.findtext(f"{{{_XM}}}f") for one in found}


def charts(sheet: Any, rule: Mapping[str, Any], *, exact: bool = False) -> dict[str, Any]:
    """The asked properties of each chart, by where its data come from."""
    asked = set(rule.get("chart_props", ()))
    return {_series(chart): _chart(chart, asked, exact) for chart in sheet._charts}


def _series(chart: Any) -> str:
    return ";".join(f"{_source(one.val)},{_source(one.cat)}" for one in chart.series)


def _source(data: Any) -> str:
    """The formula of numbers; else that of texts; None as OSWorld writes it."""
    for kind in ("numRef", "strRef"):
        reference = getattr(data, kind, None)
        if reference is not None and hasattr(reference, "f"):
            return str(reference.f)
    return ""


def _chart(chart: Any, asked: set[str], exact: bool) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if "title" in asked:
        told["title"] = _title(chart)
    if "legend" in asked:
        told["legend"] = chart.legend.position if chart.legend is not None else None
    if "anchor" in asked:
        told["anchor"] = _anchor(chart.anchor, exact)
    for name, attribute in (("width", "width"), ("height", "height"), ("type", "tagname")):
        if name in asked:
            told[name] = getattr(chart, attribute)
    if "direction" in asked:
        told["direction"] = chart.barDir
    for name in ("x", "y", "z"):
        if f"{name}title" in asked:
            told[f"{name}title"] = _title(getattr(chart, f"{name}_axis", None))
    return told


def _anchor(anchor: Any, exact: bool) -> list[Any]:
    """Args: exact: take the row of the far corner for the near one's."""
    near, far = anchor._from, getattr(anchor, "to", None)
    if far is None:
        return [None, near.col, near.row]
    return [anchor.editAs, near.col, far.row if exact else near.row, far.col, far.row]


def _title(titled: Any) -> str | None:
    try:
        text: str = titled.title.tx.rich.p[0].r[0].t
    except (AttributeError, IndexError, TypeError):
        return None
    return text


def pivots(sheet: Any, rule: Mapping[str, Any]) -> dict[str, Any]:
    """The asked properties of each pivot table, by where its data come from.

    Columns of the source at either end that nothing is chosen from do not count: the same
    table made from a wider range is the same.
    """
    asked = set(rule.get("pivot_props", ()))
    return dict(_pivot(one, asked) for one in sheet._pivots)


_PLAIN_PIVOT = {
    "name": "name",
    "show_total": "visualTotals",
    "show_empty_row": "showEmptyRow",
    "show_empty_col": "showEmptyCol",
    "show_headers": "showHeaders",
    "location": "location",
}


def _pivot(pivot: Any, asked: set[str]) -> tuple[str, dict[str, Any]]:
    chosen = [
        [(item.h, item.x) for item in field.items if item.x is not None]
        for field in pivot.pivotFields
    ]
    from_left = list(dropwhile(lambda one: not one, chosen))
    left = len(chosen) - len(from_left)
    selection = list(dropwhile(lambda one: not one, reversed(from_left)))[::-1]
    right = len(from_left) - len(selection)
    plain = {name: attribute for name, attribute in _PLAIN_PIVOT.items() if name in asked}
    told = {name: getattr(pivot, attribute) for name, attribute in plain.items()}
    if asked & {"filter", "selection"}:
        ordered = "ordered" in asked
        told["selection"] = selection if ordered else [set(one) for one in selection]
    if "filter" in asked:
        told["filter_fields"] = {field.fld for field in pivot.pageFields}
    for name, fields in (("col_fields", pivot.colFields), ("row_fields", pivot.rowFields)):
        if name in asked:
            told[name] = [field.x - left for field in fields]
    if "data_fields" in asked:
        named = "data_fields_name" in asked
        told["data_fields"] = [
            f"{field.fld - left};{field.name if named else ''};{field.subtotal};{field.showDataAs}"
            for field in pivot.dataFields
        ]
    return _pivot_source(pivot, left, right), told


def _pivot_source(pivot: Any, left: int, right: int) -> str:
    source = pivot.cache.cacheSource
    first, last = map(coordinate_to_tuple, source.worksheetSource.ref.split(":"))
    first, last = (first[0], first[1] + left), (last[0], last[1] - right)
    return f"{source.type};{first}:{last};{source.worksheetSource.sheet}"


def lines(sheet: Any, kind: str, rule: Mapping[str, Any]) -> dict[Any, dict[str, Any]]:
    """The asked properties of rows ("row") or columns ("column") that have any."""
    asked = set(rule.get("props", ()))
    held = getattr(sheet, f"{kind}_dimensions")
    return {key: {name: getattr(one, name) for name in asked} for key, one in held.items()}


def filters(sheet: Any) -> dict[str, Any]:
    """What is filtered and how it is sorted."""
    told: dict[str, Any] = {"ref": sheet.auto_filter.ref}
    columns = [_filter_column(one) for one in sheet.auto_filter.filterColumn]
    told["filter_column"] = sorted(columns, key=lambda column: column["col_id"])
    sort = sheet.auto_filter.sortState
    if sort is not None:
        told["sort_state"] = {
            "sort": sort.columnSort,
            "case": sort.caseSensitive,
            "method": sort.sortMethod,
            "ref": sort.ref,
            "condition": [_sort_condition(one) for one in sort.sortCondition],
        }
    return told


def _filter_column(column: Any) -> dict[str, Any]:
    told: dict[str, Any] = {
        "col_id": column.colId,
        "hidden_button": column.hiddenButton,
        "show_button": column.showButton,
    }
    if column.filters is not None:
        told["filters_blank"] = column.filters.blank
        told["filters"] = set(column.filters.filter)
    if column.customFilters is not None:
        told["custom_filters_op"] = column.customFilters._and
        own = column.customFilters.customFilter
        told["custom_filters"] = {(one.operator, one.val) for one in own}
    return told


def _sort_condition(condition: Any) -> dict[str, Any]:
    names = ("descending", "sortBy", "ref", "customList", "dxfId", "iconSet", "iconId")
    return {name: getattr(condition, name) for name in names}
