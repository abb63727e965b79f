"""A value against a rule of a task file: `{"method": "ge", "ref": 3}`."""

import operator
import re
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

from env.tasks import apart
from env.tasks.errors import TaskRefused

_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "le": operator.le,
    "lt": operator.lt,
    "ge": operator.ge,
    "gt": operator.gt,
}
_BOUND: Mapping[str, Callable[[Any, Any], bool]] = {"e": operator.le, "t": operator.lt}
_CONTAINERS: Mapping[str, Callable[[Any], Any]] = {"str_list_eq": list, "str_set_eq": set}


def follows(value: Any, rule: Mapping[str, Any]) -> bool:
    """Whether a value is what the rule says.

    Methods: `re.FLAG.FLAG`, a comparison, `approx:THRESHOLD`, `spreadsheet_range` (between two
    sets of cells), `range.te` (from `ref[0]`, itself not, to `ref[1]`), `str_list_eq`,
    `str_set_eq` (texts separated by commas).

    Raises:
        TaskRefused: no such method.
    """
    method, ref = rule["method"], rule["ref"]
    if method.startswith("re"):
        return apart.found(ref, [value], _flags(method))
    if method in _COMPARE:
        return bool(_COMPARE[method](value, ref))
    if method.startswith("approx"):
        return _is_near(value, ref, float(method.split(":")[1]))
    if method == "spreadsheet_range":
        return _lies_between(value, *ref)
    if method.startswith("range."):
        low, high = _BOUND[method[6]], _BOUND[method[7]]
        return low(ref[0], value) and high(value, ref[1])
    if method in _CONTAINERS:
        container = _CONTAINERS[method]
        return bool(container(value.strip("\"'").split(",")) == container(ref))
    raise TaskRefused(f"no rule is called {method!r}")


def _flags(method: str) -> re.RegexFlag:
    named = (re.RegexFlag[name] for name in method.split(".")[1:])
    return reduce(operator.or_, named, re.RegexFlag(0))


def _is_near(value: Any, ref: float, threshold: float) -> bool:
    try:
        return abs(float(value) - ref) <= threshold
    except (ValueError, TypeError):
        return False


def _lies_between(value: Any, least: str, most: str) -> bool:
    from openpyxl.worksheet.cell_range import MultiCellRange

    outer = MultiCellRange(most)
    return all(one in value for one in MultiCellRange(least)) and all(one in outer for one in value)
