"""Dates that a task means by words: "next Monday", written as a site writes them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from env.tasks.errors import TaskRefused
from env.tasks.machine import Bench

_MONDAY, _FRIDAY, _SATURDAY, _SUNDAY = 0, 4, 5, 6
_SPLIT = " split"
_SPLIT_KEYS = {"from": ("puDay", "puMonth", "puYear"), "to": ("doDay", "doMonth", "doYear")}


def rule_relativeTime(bench: Bench, parameters: Mapping[str, Any]) -> Any:
    """The rules, their `expected` filled in for today."""
    zone = parameters["rules"].get("timezone", "UTC")
    try:
        now = datetime.now(ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError):
        now = datetime.now(ZoneInfo("UTC"))
    return filled(parameters["rules"], now)


def time_diff_range(bench: Bench, parameters: Mapping[str, Any]) -> Any:
    return parameters.get("diff_range_in_minutes")


def filled(rules: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Rules with the dates that their words mean at a moment.

    Raises:
        TaskRefused: words that nobody knows.
    """
    words, expected = rules["relativeTime"], dict(rules["expected"])
    first = day_of(words["from"], now)
    if "to" not in words:
        return {**rules, "expected": expected | {"time": _written(expected["time"], first)}}
    last = day_of(words["to"], now, first, words["from"])
    for end, day in (("from", first), ("to", last)):
        for key in _SPLIT_KEYS[end] if words[end].endswith(_SPLIT) else (end,):
            expected[key] = _written(expected[key], day)
    return {**rules, "expected": expected}


def day_of(
    words: str, now: datetime, first: datetime | None = None, of_first: str = ""
) -> datetime:
    """The day that words mean.

    Args:
        first, of_first: for the end of a time, its beginning and the words for that: Friday is
            that of the same week, Sunday that of the same weekend.
    """
    weekday = now.weekday()
    match words.removesuffix(_SPLIT):
        case "tomorrow":
            return now + timedelta(days=1)
        case "this month":
            return now
        case "this Saturday":
            return now + timedelta(days=_SATURDAY - weekday)
        case "this Sunday":
            return now + timedelta(days=_SUNDAY - weekday)
        case "next Monday":
            return now + timedelta(days=7 - weekday)
        case "next Friday":
            if first is not None and of_first.removesuffix(_SPLIT) == "next Monday":
                return first + timedelta(days=_FRIDAY)
            ahead = _FRIDAY - weekday if weekday < _FRIDAY else _FRIDAY - weekday + 7
            return now + timedelta(days=ahead)
        case "next Saturday":
            ahead = _SATURDAY - weekday if weekday < _SATURDAY else _SATURDAY - weekday + 7
            return now + timedelta(days=ahead)
        case "next Sunday":
            if first is not None and of_first in ("next Friday", "next Saturday"):
                return first + timedelta(days=_SUNDAY - first.weekday())
            return now + timedelta(days=_SUNDAY - weekday if weekday < _SUNDAY else 7)
        case "next week Friday":
            return now + timedelta(days=7 - weekday + _FRIDAY)
        case "next week Saturday":
            return now + timedelta(days=7 - weekday + _SATURDAY)
        case "next week Sunday":
            if first is not None and of_first in ("next week Friday", "next week Saturday"):
                return first + timedelta(days=_SUNDAY - first.weekday())
            return now + timedelta(days=7 - weekday + _SUNDAY)
        case "first monday four months later":
            return _first_monday(_months_later(now, 4))
        case "first monday eight months later":
            return _first_monday(_months_later(now, 8))
        case "5th next month" | "10th next month" | "11th next month" as named:
            return _months_later(now, 1).replace(day=int(named.split("th")[0]))
    raise TaskRefused(f"relativeTime: nobody knows what {words!r} means")


def _months_later(now: datetime, count: int) -> datetime:
    """The first of a month."""
    months = now.month - 1 + count
    return datetime(now.year + months // 12, months % 12 + 1, 1, tzinfo=now.tzinfo)


def _first_monday(first: datetime) -> datetime:
    return first + timedelta(days=(7 - first.weekday()) % 7)


def _written(text: str, day: datetime) -> str:
    parts = {
        "{DoW}": day.strftime("%a"),
        "{Month}": day.strftime("%b"),
        "{DayD}": str(day.day),
        "{Year}": str(day.year),
        "{Month0D}": f"{day.month:02}",
        "{month}": day.strftime("%B").lower(),
        "{MonthFull}": day.strftime("%B"),
        "{Day0D}": f"{day.day:02}",
        "{MonthD}": str(day.month),
    }
    for name, value in parts.items():
        # Once each, as OSWorld.
        text = text.replace(name, value, 1)
    return text
