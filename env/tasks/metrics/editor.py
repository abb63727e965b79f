"""Texts and settings of an editor."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from env.tasks.errors import TaskRefused


def compare_text_file(result: str | None, expected: str, **options: Any) -> float:
    if not result:
        return 0.0
    ours, theirs = (_shaped(_text(path), options) for path in (result, expected))
    return float(ours == theirs)


def _shaped(text: str, options: Mapping[str, Any]) -> str:
    if options.get("ignore_blanks", False):
        text = re.sub(r"\s+", " ", re.sub(r"[\t\n]", " ", text).strip())
    return text.lower() if options.get("ignore_case", False) else text


def compare_config(result: str | None, rules: Mapping[str, Any], **options: Any) -> float:
    """A file's whole text; with `containment_ok` (task files since 2026) it may say more: JSON by
    its values, other text by its letters."""
    if not result or not options.get("containment_ok", False):
        return float(bool(result) and _text(str(result)) == rules["expected"])
    try:
        return float(_within(json.loads(rules["expected"]), json.loads(_text(result))))
    except (ValueError, RecursionError):
        return float(rules["expected"].strip() in _text(result))


def _within(wanted: Any, found: Any) -> bool:
    if not isinstance(wanted, dict):
        return bool(wanted == found)
    return isinstance(found, dict) and all(
        key in found and _within(one, found[key]) for key, one in wanted.items()
    )


def compare_answer(result: str | None, rules: Mapping[str, Any], **options: Any) -> float:
    return float(bool(result) and result == rules["expected"])


def is_extension_installed(result: str, rules: Mapping[str, Any], **options: Any) -> float:
    """A text contains another, or does not."""
    match rules["type"]:
        case "contain":
            return float(rules["expected"] in result)
        case "not_contain":
            return float(rules["expected"] not in result)
    raise TaskRefused(f"no rule of extensions is called {rules['type']!r}")


def check_json_settings(result: str | None, rules: Mapping[str, Any], **options: Any) -> float:
    if not result:
        return 0.0
    settings = _json(result)
    if settings is None:
        return 0.0
    return float(
        all(key in settings and settings[key] == value for key, value in rules["expected"].items())
    )


def check_json_keybindings(result: str | None, rules: Mapping[str, Any], **options: Any) -> float:
    """A list of bindings has the expected one; its file may begin with a line of comment."""
    if not result:
        return 0.0
    for skipped in (0, 1):
        bindings = _json(result, skipped)
        if isinstance(bindings, list):
            return float(rules["expected"] in bindings)
    return 0.0


def _json(path: str, skipped: int = 0) -> Any:
    """None: it is none. Args: skipped: lines at the start."""
    try:
        return json.loads("".join(_text(path).splitlines(keepends=True)[skipped:]))
    except (ValueError, OSError, RecursionError):
        return None


def _text(path: str) -> str:
    return Path(path).read_text(encoding="utf-8")
