"""Thunderbird: its settings, its filters, its folders of mail."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from env.tasks.metrics.rules import follows

Rules = Mapping[str, Any]

_SETTING = re.compile(r'user_pref\("(?P<key>(?:[^"]|\\")+)", (?P<value>.+)\);$')
_CONDITION = re.compile(
    r"\b(?:AND|OR) \((?:[\w ]+),(?:[\w ']+),(?:\"(?:(?:[^\"]|\")+)\"|(?:[^)]+))\)|\bALL\b"
)
_FILTER_KEYS = ("name", "enabled", "type", "action", "actionValue", "condition")
_MESSAGE = re.compile(r"^From .*$", re.MULTILINE)
"""How a message begins in a folder's file. The line has the time it came there."""

_DELETED = re.compile(r"X-Mozilla-Status: 000[89]")


def check_thunderbird_prefs(result: str | None, rules: Rules) -> float:
    """Settings follow the expected rules and none of the unexpected (`prefs.js`)."""
    if result is None:
        return 0.0
    settings = _settings(result)
    expected, unexpected = rules.get("expect", {}), rules.get("unexpect", {})
    return float(
        all(key in settings and follows(settings[key][-1], rule) for key, rule in expected.items())
        and not any(
            follows(value, rule)
            for key, rule in unexpected.items()
            if key not in expected
            for value in settings.get(key, ())
        )
    )


def _settings(path: str) -> dict[str, list[Any]]:
    """All values that each setting is given, in the file's order."""
    found: dict[str, list[Any]] = {}
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        matched = _SETTING.match(line.strip())
        if matched is not None:
            found.setdefault(matched["key"], []).append(json.loads(matched["value"]))
    return found


def check_thunderbird_filter(result: str | None, rules: Rules) -> float:
    """Every expected filter is there, none of the unexpected (`msgFilterRules.dat`)."""
    if result is None:
        return 0.0
    filters = _filters(result)

    def found(pattern: Rules) -> bool:
        return any(
            all(key in one and one[key] == value for key, value in pattern.items())
            for one in filters
        )

    expected = all(found(pattern) for pattern in rules.get("expect", ()))
    return float(expected and not any(found(pattern) for pattern in rules.get("unexpect", ())))


def _filters(path: str) -> list[dict[str, Any]]:
    """A filter begins with its name and ends with its condition."""
    filters: list[dict[str, Any]] = []
    one: dict[str, Any] = {}
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        key, equals, quoted = line.partition("=")
        if not equals or key not in _FILTER_KEYS:
            continue
        value = quoted[1:-1].replace('\\"', '"').replace("\\\\", "\\")
        if key == "name":
            one = {}
        one[key] = _CONDITION.findall(value) if key == "condition" else value
        if key == "condition":
            filters.append(one)
    return filters


def check_thunderbird_folder(
    result: str | Sequence[str | None] | None,
    expected: str | Sequence[str],
    *,
    exact: bool = False,
    **options: Any,
) -> float:
    """Folders hold the same messages, in any order.

    Args:
        exact: as OSWorld, which passes over every message: a folder that is there is right.
    """
    ours, theirs = (result, expected) if isinstance(expected, list) else ([result], [expected])
    if not isinstance(ours, list):
        return 0.0
    for one, other in zip(ours, theirs, strict=False):
        if one is None:
            return 0.0
        if not exact and _messages(one, options) != _messages(other, options):
            return 0.0
    return 1.0


def _messages(path: str, options: Rules) -> list[str]:
    text = Path(path).read_text(encoding="utf-8", errors="replace")
    kept = [
        _normal(message, options)
        for message in _MESSAGE.split(text)
        if message.strip()
        and not (options.get("remove_deleted", True) and _DELETED.search(message))
    ]
    return sorted(set(kept) if options.get("remove_duplicate", True) else kept)


def _normal(message: str, options: Rules) -> str:
    if options.get("ignore_status", False):
        message = re.sub(r"X-Mozilla-Status\d?:[\s\d]+", "", message)
    if options.get("ignore_keys", False):
        message = re.sub(r"(X-Mozilla-Keys:[^\n]*?)\n(MIME-Version)", r"\2", message)
    return message.strip()
