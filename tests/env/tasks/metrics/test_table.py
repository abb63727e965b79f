"""Scores as OSWorld's own functions give them (PyPI desktop-env 1.0.2) on the same files."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook
from openpyxl.chart import BarChart, LineChart, Reference
from openpyxl.drawing.spreadsheet_drawing import AnchorMarker, TwoCellAnchor
from openpyxl.formatting.rule import CellIsRule, FormulaRule
from openpyxl.pivot.cache import CacheDefinition, CacheField, CacheSource, WorksheetSource
from openpyxl.pivot.record import RecordList
from openpyxl.pivot.table import (
    DataField,
    FieldItem,
    Location,
    PivotField,
    RowColField,
    TableDefinition,
)
from openpyxl.styles import Font, PatternFill
from openpyxl.worksheet.datavalidation import DataValidation

from env.tasks import registry
from env.tasks.errors import TaskRefused

Make = Callable[[Path], tuple[Any, ...]]
Change = Callable[[Any], object]
ROWS = (("name", "n"), ("Ann", 1.5), ("Bob", 2))


def book(*changes: Change, rows: Any = ROWS, names: tuple[str, ...] = ("Sheet1",)) -> Any:
    made = Workbook()
    made.remove(made.active)
    for name in names:
        sheet = made.create_sheet(name)
        for row in rows:
            sheet.append(row)
    for change in changes:
        change(made.worksheets[0])
    return made


def saved(*books: Any) -> Make:
    def make(folder: Path) -> tuple[Any, ...]:
        paths = [str(folder / f"{at}.xlsx") for at, _ in enumerate(books)]
        for one, path in zip(books, paths, strict=True):
            one.save(path)
        return tuple(paths)

    return make


def with_prints(*prints: str) -> Make:
    """Books with the tables of text that a task makes beside them."""

    def make(folder: Path) -> tuple[Any, ...]:
        paths = saved(*(book() for _ in prints))(folder)
        for at, text in enumerate(prints):
            (folder / f"{at}-Sheet1.csv").write_text(text)
        return paths

    return make


def chart(kind: Any, title: str = "T", anchor: str = "D2") -> Change:
    def change(sheet: Any) -> None:
        made = kind()
        made.title = title
        made.add_data(Reference(sheet, min_col=2, min_row=1, max_row=3), titles_from_data=True)
        made.set_categories(Reference(sheet, min_col=1, min_row=2, max_row=3))
        row = int(anchor[1:])
        made.anchor = TwoCellAnchor(
            editAs="oneCell", _from=AnchorMarker(col=3, row=row), to=AnchorMarker(col=9, row=20)
        )
        sheet.add_chart(made)

    return change


def cell(place: str, **properties: Any) -> Change:
    def change(sheet: Any) -> None:
        for name, value in properties.items():
            setattr(sheet[place], name, value)

    return change


def frozen(place: str, scrolled_to: str | None = None) -> Change:
    def change(sheet: Any) -> None:
        sheet.freeze_panes = place
        if scrolled_to is not None:
            sheet.sheet_view.pane.topLeftCell = scrolled_to

    return change


def zoomed(sheet: Any) -> None:
    sheet.sheet_view.zoomScale = 260


def validated(kind: str) -> Change:
    def change(sheet: Any) -> None:
        rule = DataValidation(type=kind, formula1='"Pass,Fail"')
        rule.add("B2:B9")
        sheet.add_data_validation(rule)

    return change


def hidden(row: int) -> Change:
    def change(sheet: Any) -> None:
        sheet.row_dimensions[row].hidden = True

    return change


def filtered(reference: str) -> Change:
    def change(sheet: Any) -> None:
        sheet.auto_filter.ref = reference
        sheet.auto_filter.add_filter_column(0, ["Ann"])

    return change


def pivoted(source: str = "A1:B3", *, sheet: str = "Sheet1", subtotal: str = "sum") -> Change:
    """Sums of n by name; a wider source has two empty columns more."""
    num_columns = 2 + 2 * (source != "A1:B3")

    def change(target: Any) -> None:
        fields = [CacheField(name=f"c{at}") for at in range(num_columns)]
        reference = WorksheetSource(ref=source, sheet=sheet)
        cache = CacheDefinition(
            cacheSource=CacheSource(type="worksheet", worksheetSource=reference),
            cacheFields=fields,
        )
        cache.records = RecordList()
        by_name = [FieldItem(t="data", x=0), FieldItem(t="data", x=1), FieldItem(t="default")]
        empty = [PivotField() for _ in range(num_columns - 1)]
        table = TableDefinition(
            name="Sums",
            cacheId=1,
            dataCaption="Values",
            location=Location(ref="D1:E3", firstHeaderRow=1, firstDataRow=1, firstDataCol=1),
            pivotFields=[PivotField(axis="axisRow", items=by_name), *empty],
            rowFields=[RowColField(x=0)],
            dataFields=[DataField(name="Sum", fld=1, subtotal=subtotal)],
        )
        table.cache = cache
        target.add_pivot(table)

    return change


PIVOT = ["name", "row_fields", "data_fields", "data_fields_name", "filter"]

BOLD = Font(bold=True)
RED = PatternFill(bgColor="FFFF0000", fill_type="solid")


def coloured(least: int) -> Change:
    def change(sheet: Any) -> None:
        rule = CellIsRule(operator="greaterThanOrEqual", formula=[str(least)], fill=RED, font=BOLD)
        sheet.conditional_formatting.add("B2:B3", rule)

    return change


def coloured_by_formula(formula: str) -> Change:
    def change(sheet: Any) -> None:
        rule = FormulaRule(formula=[formula], fill=RED, font=BOLD)
        sheet.conditional_formatting.add("B2:B3", rule)

    return change


def pair(kind: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "sheet_idx0": 0, "sheet_idx1": "EI0", **more}


def rules(*given: dict[str, Any]) -> dict[str, Any]:
    return {"rules": list(given)}


def fuzzy(**inner: Any) -> dict[str, Any]:
    return rules(pair("sheet_fuzzy", rules=[{"range": ["A2:B3"], **inner}]))


def of_cell(place: str, **properties: Any) -> dict[str, Any]:
    return rules({"type": "check_cell", "sheet_idx": 0, "coordinate": place, "props": properties})


def eq(value: Any) -> dict[str, Any]:
    return {"method": "eq", "ref": value}


TWO = saved(book(), book())
OTHER = (("name", "n"), ("Ann", 1.5), ("Bob", 3))
LOUD = (("name", "n"), ("(ANN)-", 1.5), ("Bob", 2))
STYLE = rules(pair("style", props=["font_bold", "bgcolor"]))
DV = [
    {
        "type": eq("list"),
        "formula1": {"method": "re", "ref": "Pass"},
        "ranges": {"method": "spreadsheet_range", "ref": ["B2:B5", "B2:B20"]},
    }
]
VALIDATED = rules({"type": "data_validation", "sheet_idx": 0, "dv_props": DV})
ZOOMED = rules({"type": "zoom", "sheet_idx": 0, "method": "eq", "ref": 260})
CHART = rules(pair("chart", chart_props=["type", "title"]))

OPTIONS: list[tuple[str, dict[str, Any], Make, float]] = [
    ("compare_table", rules({"type": "sheet_name"}), TWO, 1.0),
    ("compare_table", rules({"type": "sheet_name"}), saved(book(names=("A",)), book()), 0.0),
    ("compare_table", rules(pair("sheet_data")), TWO, 1.0),
    ("compare_table", rules(pair("sheet_data")), saved(book(rows=OTHER), book()), 0.0),
    (
        "compare_table",
        rules(pair("sheet_data", precision=0)),
        saved(book(rows=(("n",), (1.6,))), book(rows=(("n",), (1.9,)))),
        1.0,
    ),
    (
        "compare_table",
        rules({"type": "sheet_data", "sheet_idx0": "RNGone", "sheet_idx1": "EI0"}),
        TWO,
        0.0,
    ),
    (
        "compare_table",
        rules({"type": "sheet_data", "sheet_idx0": "RI1", "sheet_idx1": "ENSheet1"}),
        saved(book(names=("A", "B")), book()),
        1.0,
    ),
    ("compare_table", rules(pair("sheet_print")), with_prints("a,b\n1,2\n\n", "a,b\n1,2\n"), 1.0),
    ("compare_table", rules(pair("sheet_print")), with_prints("a,b\n1,3\n", "a,b\n1,2\n"), 0.0),
    ("compare_table", rules(pair("sheet_print", ignore_case=True)), with_prints("A\n", "a\n"), 1.0),
    ("compare_table", rules(pair("sheet_print")), TWO, 0.0),
    ("compare_table", fuzzy(type="exact_match"), TWO, 1.0),
    ("compare_table", fuzzy(type="exact_match"), saved(book(rows=LOUD), book()), 0.0),
    (
        "compare_table",
        fuzzy(type="exact_match", ignore_case=True, ignore_chars="()", trim_trailings="-"),
        saved(book(rows=LOUD), book()),
        1.0,
    ),
    (
        "compare_table",
        fuzzy(type="includes", ignore_case=True),
        saved(book(rows=LOUD), book()),
        1.0,
    ),
    ("compare_table", fuzzy(type="included_by"), saved(book(rows=LOUD), book()), 0.0),
    ("compare_table", fuzzy(type="fuzzy_match"), saved(book(rows=LOUD), book()), 0.0),
    (
        "compare_table",
        fuzzy(type="fuzzy_match", normalization=[["(ANN)-", "Ann"]]),
        saved(book(rows=LOUD), book()),
        1.0,
    ),
    ("compare_table", CHART, saved(book(chart(BarChart)), book(chart(BarChart))), 1.0),
    ("compare_table", CHART, saved(book(chart(LineChart)), book(chart(BarChart))), 0.0),
    ("compare_table", CHART, saved(book(chart(BarChart, "U")), book(chart(BarChart))), 0.0),
    (
        "compare_table",
        rules(
            pair(
                "chart",
                chart_props=[
                    "legend",
                    "width",
                    "height",
                    "direction",
                    "xtitle",
                    "ytitle",
                    "ztitle",
                    "anchor",
                ],
            )
        ),
        saved(book(chart(BarChart)), book(chart(BarChart))),
        1.0,
    ),
    ("compare_table", STYLE, TWO, 1.0),
    ("compare_table", STYLE, saved(book(cell("A1", font=Font(bold=True))), book()), 0.0),
    ("compare_table", STYLE, saved(book(coloured(2)), book(coloured(2))), 1.0),
    ("compare_table", STYLE, saved(book(coloured(2)), book(coloured(1))), 0.0),
    ("compare_table", STYLE, saved(book(coloured(2)), book(coloured_by_formula("B2>=2"))), 1.0),
    ("compare_table", STYLE, saved(book(coloured(1)), book(coloured_by_formula("B2>=2"))), 0.0),
    ("compare_table", rules(pair("freeze")), saved(book(frozen("A2")), book(frozen("A2"))), 1.0),
    ("compare_table", rules(pair("freeze")), saved(book(frozen("B2")), book(frozen("A2"))), 0.0),
    ("compare_table", ZOOMED, saved(book(zoomed)), 1.0),
    ("compare_table", ZOOMED, saved(book()), 0.0),
    ("compare_table", VALIDATED, saved(book(validated("list"))), 1.0),
    ("compare_table", VALIDATED, saved(book(validated("custom"))), 0.0),
    ("compare_table", VALIDATED, saved(book()), 0.0),
    (
        "compare_table",
        rules(pair("row_props", props=["hidden"])),
        saved(book(hidden(2)), book(hidden(2))),
        1.0,
    ),
    (
        "compare_table",
        rules(pair("row_props", props=["hidden"])),
        saved(book(hidden(3)), book(hidden(2))),
        0.0,
    ),
    ("compare_table", rules(pair("col_props", props=["width"])), TWO, 1.0),
    (
        "compare_table",
        rules(pair("filter")),
        saved(book(filtered("A1:B3")), book(filtered("A1:B3"))),
        1.0,
    ),
    ("compare_table", rules(pair("filter")), saved(book(filtered("A1:B3")), book()), 0.0),
    ("compare_table", rules(pair("sparkline")), TWO, 1.0),
    ("compare_table", rules(pair("pivot_table", pivot_props=["name"])), TWO, 1.0),
    (
        "compare_table",
        rules(pair("pivot_table", pivot_props=PIVOT)),
        saved(book(pivoted()), book(pivoted())),
        1.0,
    ),
    (
        "compare_table",
        rules(pair("pivot_table", pivot_props=PIVOT)),
        saved(book(pivoted(subtotal="count")), book(pivoted())),
        0.0,
    ),
    (
        "compare_table",
        rules(pair("pivot_table", pivot_props=PIVOT)),
        saved(book(), book(pivoted())),
        0.0,
    ),
    (
        "compare_table",
        rules(pair("pivot_table", pivot_props=PIVOT)),
        saved(book(pivoted(sheet="Other")), book(pivoted())),
        0.0,
    ),
    (
        "compare_table",
        rules(pair("pivot_table", pivot_props=["row_fields", "data_fields"])),
        saved(book(pivoted("A1:D3")), book(pivoted("A1:D3"))),
        1.0,
    ),
    (
        "compare_table",
        of_cell(
            "A2", value=eq("Ann"), font_bold=eq(True), font_name={"method": "re", "ref": "Cal"}
        ),
        saved(book(cell("A2", font=Font(bold=True, name="Calibri")))),
        1.0,
    ),
    (
        "compare_table",
        of_cell("B2", value={"method": "approx:0.1", "ref": 1.55}),
        saved(book()),
        1.0,
    ),
    ("compare_table", of_cell("B2", value=eq(7)), saved(book()), 0.0),
    (
        "compare_table",
        of_cell("A2", fill_type=eq("patternFill"), hyperlink=eq(""), merge=eq(False)),
        saved(book()),
        1.0,
    ),
    ("compare_table", of_cell("A2", font_size={"method": "ge", "ref": "x"}), saved(book()), 0.0),
]

CITIES = [["Vienna", "Wien"], *["Rome"] * 20]


def cities(first: str) -> Make:
    rows = [("h", "h", "h"), ("", "", first), *[("", "", "Rome, Italy")] * 20]
    return lambda folder: (*saved(book(rows=rows))(folder), {"expected": CITIES})


CASES: list[tuple[str, Make, float]] = [
    ("compare_conference_city_in_order", cities("Wien, Austria"), 1.0),
    ("compare_conference_city_in_order", cities("Paris"), 0.0),
]

SPACED, SPACED_TOO = (("name", "n"), (" a", 1), ("b", 2)), (("name", "n"), ("a ", 1), ("b", 2))


def reordered(folder: Path) -> tuple[str]:
    """The first sheet made is gone: ids and files of sheets no longer agree."""
    made = book(names=("Gone", "Sheet1"))
    (path,) = saved(made)(folder)
    made.remove(made["Gone"])
    made.save(path)
    with zipfile.ZipFile(path) as plain:
        parts = {name: plain.read(name) for name in plain.namelist()}
    parts["xl/workbook.xml"] = parts["xl/workbook.xml"].replace(b'sheetId="1"', b'sheetId="2"')
    with zipfile.ZipFile(path, "w") as again:
        for name, content in parts.items():
            again.writestr(name, content)
    return (path,)


FLAWS: list[tuple[str, dict[str, Any], Make, float, float]] = [
    ("compare_table", of_cell("A2", value=eq("Ann")), reordered, 1.0, 0.0),
    (
        "compare_table",
        rules(pair("chart", chart_props=["anchor"])),
        saved(book(chart(BarChart)), book(chart(BarChart, anchor="D5"))),
        0.0,
        1.0,
    ),
    (
        "compare_table",
        fuzzy(type="exact_match"),
        saved(book(rows=SPACED), book(rows=SPACED_TOO)),
        0.0,
        1.0,
    ),
    ("compare_table", of_cell("A9", value=eq(True)), saved(book(cell("A9", value=True))), 1.0, 0.0),
]
"""The score, and the one that OSWorld's flaw gives."""


@pytest.mark.parametrize(("name", "options", "make", "score"), OPTIONS)
def test_a_table_is_scored_as_osworld_scores_it(
    name: str, options: dict[str, Any], make: Make, score: float, tmp_path: Path
) -> None:
    assert registry.metric(name)(*make(tmp_path), **options) == score


@pytest.mark.parametrize(("name", "make", "score"), CASES)
def test_cities_are_found_in_order(name: str, make: Make, score: float, tmp_path: Path) -> None:
    assert registry.metric(name)(*make(tmp_path)) == score


@pytest.mark.parametrize(("name", "options", "make", "score", "flawed"), FLAWS)
def test_a_flaw_is_mended_and_kept_when_asked_for(
    name: str, options: dict[str, Any], make: Make, score: float, flawed: float, tmp_path: Path
) -> None:
    arguments, metric = make(tmp_path), registry.metric(name)
    assert metric(*arguments, **options) == score
    assert metric(*arguments, **options, exact=True) == flawed


def test_scrolling_does_not_move_a_frozen_pane(tmp_path: Path) -> None:
    files = saved(book(frozen("A2", scrolled_to="A9")), book(frozen("A2")))(tmp_path)
    assert registry.metric("compare_table")(*files, **rules(pair("freeze"))) == 1.0


def test_what_is_no_workbook_is_worth_nothing(tmp_path: Path) -> None:
    path = str(tmp_path / "none.xlsx")
    Path(path).write_bytes(b"no workbook")
    compare = registry.metric("compare_table")
    assert compare(path, **rules({"type": "sheet_name"})) == 0.0
    assert compare(None, **rules()) == 0.0


def test_an_unknown_rule_is_not_guessed(tmp_path: Path) -> None:
    (path,) = saved(book())(tmp_path)
    with pytest.raises(TaskRefused):
        registry.metric("compare_table")(path, **rules({"type": "beauty"}))
