"""How the cells of a sheet look, conditional formatting worked out."""

import logging
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from openpyxl.cell.cell import MergedCell
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.cell_range import CellRange

from env.tasks.errors import TaskRefused
from env.tasks.metrics.workbook import StoredSheet

log = logging.getLogger(__name__)

_ABSOLUTE = re.compile(r"\$([A-Z]{1,3})\$(\d+)(?::\$([A-Z]{1,3})\$(\d+))?")
_MOST_EMPTY = 50
"""Empty cells in a row of a range after which the rest is not looked at."""

_BY_FORMULA = frozenset(
    {
        "expression",
        "containsText",
        "notContainsText",
        "endsWith",
        "beginsWith",
        "containsErrors",
        "notContainsErrors",
    }
)
_FONT = {
    "font_name": "name",
    "font_family": "family",
    "font_bold": "bold",
    "font_italic": "italic",
    "font_underline": "underline",
    "font_size": "size",
}
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "lessThanOrEqual": operator.le,
    "lessThan": operator.lt,
    "equal": operator.eq,
    "greaterThanOrEqual": operator.ge,
    "notEqual": operator.ne,
    "greaterThan": operator.gt,
}


def style_of(name: str, cell: Any, difference: Any = None) -> Any:
    """One property of a cell.

    Args:
        difference: the style that a condition puts over the cell's own.

    Raises:
        TaskRefused: no such property.
    """
    styled = cell if difference is None else difference
    filled = cell.value is not None
    if name in _FONT:
        return getattr(styled.font, _FONT[name], None) if filled else None
    match name:
        case "font_color":
            return getattr(getattr(styled.font, "color", None), "rgb", None) if filled else None
        case "number_format":
            if not filled or cell.data_type != "n":
                return None
            if difference is None:
                return cell.number_format
            return getattr(difference.numFmt, "formatCode", None)
        case "fill_type":
            return getattr(getattr(styled, "fill", None), "tagname", None)
        case "bgcolor" | "fgcolor":
            # A plain cell keeps its colour in front, a condition's style behind.
            side = "fgColor" if difference is None else "bgColor"
            return getattr(getattr(getattr(styled, "fill", None), side, None), "rgb", None)
        case "hyperlink":
            return (cell.hyperlink or "") if filled else None
        case "merge":
            return isinstance(cell, MergedCell)
    raise TaskRefused(f"no style is called {name!r}")


def styles(sheet: Any, stored: StoredSheet, rule: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The asked properties of every cell, by its place."""
    asked: Sequence[str] = rule.get("props", ())
    told = {
        cell.coordinate: [style_of(name, cell) for name in asked]
        for column in sheet.iter_cols()
        for cell in column
    }
    for formatting in sheet.conditional_formatting:
        for condition in formatting.rules:
            holds = _condition(condition, stored)
            if holds is None:
                continue
            for cell in _where(formatting.cells, sheet, stored, holds):
                told[cell.coordinate] = [style_of(name, cell, condition.dxf) for name in asked]
    return told


def _where(
    ranges: Any, sheet: Any, stored: StoredSheet, holds: Callable[[Any], Any]
) -> Iterator[Any]:
    """The cells of ranges that are not empty and that a condition holds for."""
    empty = 0
    for area in ranges:
        for row, column in area.cells:
            value = stored.value(f"{get_column_letter(column)}{row}")
            if value is None:
                empty += 1
                if empty > _MOST_EMPTY:
                    break
                continue
            try:
                held = bool(holds(value))
            except Exception as error:
                # A formula of the file's; whatever it does to a value it does not fit, it fails.
                log.info("a condition on %r failed: %s", value, error)
                held = False
            if held:
                yield sheet.cell(row=row, column=column)


def _condition(rule: Any, stored: StoredSheet) -> Callable[[Any], Any] | None:
    """Whether a value falls under a rule; None: a kind, or a formula, that is not known."""
    try:
        compiled = [_compiled(formula) for formula in rule.formula]
    except Exception as error:
        # The parser raises whatever it stumbles over; the rule is passed over, as in OSWorld.
        log.info("a formula of %r is not understood: %s", rule.formula, error)
        return None
    if rule.type in _BY_FORMULA:
        arguments = list(_arguments(rule.formula[0], stored))
        return lambda value: compiled[0](value, *arguments)
    if rule.type == "cellIs":
        references = [one() for one in compiled]
        return lambda value: _compares(rule.operator, value, references)
    return None


def _compiled(formula: str) -> Callable[..., Any]:
    import formulas

    function: Callable[..., Any] = formulas.Parser().ast("=" + formula)[1].compile()
    return function


def _arguments(formula: str, stored: StoredSheet) -> Iterator[Any]:
    """What stands in the cells that a formula names by absolute places."""
    for left, top, right, bottom in _ABSOLUTE.findall(formula):
        if not right:
            yield stored.value(f"{left}{top}")
            continue
        cells = CellRange(f"{left}{top}:{right}{bottom}").cells
        yield [stored.value(f"{get_column_letter(column)}{row}") for row, column in cells]


def _compares(name: str, value: Any, references: Sequence[Any]) -> bool:
    if name in _COMPARE:
        return bool(_COMPARE[name](value, references[0]))
    inside = min(references) <= value <= max(references)
    match name:
        case "between":
            return bool(inside)
        case "notBetween":
            return not inside
    return False
