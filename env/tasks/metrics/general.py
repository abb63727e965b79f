"""Texts, lists, JSON, tables of text: what most tasks are judged by."""

import csv
import difflib
import json
import re
import sqlite3
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from rapidfuzz import fuzz

from env.tasks import apart
from env.tasks.errors import TaskRefused
from env.tasks.metrics.rules import follows

Rules = Mapping[str, Any]

_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)")
_FAILED = "__EVALUATION_FAILED__"
_SQL_SECONDS = 2.0
_SQL_STEPS = 100_000


def check_include_exclude(result: str | None, rules: Rules) -> float:
    if result is None:
        return 0.0
    included = all(text in result for text in rules.get("include", []))
    return float(included and not any(text in result for text in rules.get("exclude", [])))


def exact_match(result: Any, rules: Rules) -> float:
    return float(result == rules["expected"])


def match_in_list(result: Any, rules: Rules) -> float:
    """The result is one of the list."""
    return float(result in rules["expected"])


def is_in_list(result: Any, rules: Rules, *, exact: bool = False) -> float:
    """The expected is one of the result's."""
    if result is None and not exact:
        return 0.0
    return float(rules["expected"] in result)


def literal_match(result: Any, expected: Any, **options: Any) -> float:
    kind = options.get("type", "str")
    fold = str.lower if options.get("ignore_case", False) else str
    if kind == "str":
        return float(fold(str(result)) == fold(str(expected)))
    if kind != "list":
        raise TaskRefused(f"literal_match knows no type {kind!r}")
    if not isinstance(result, list | tuple) or not isinstance(expected, list | tuple):
        return 0.0
    return float([fold(str(one)) for one in result] == [fold(str(one)) for one in expected])


def diff_text_file(result: str | None, expect: str) -> float:
    """How much of the lines is the same, from 0 to 1."""
    if result is None:
        return 0.0
    ours, theirs = (_text(path).splitlines() for path in (result, expect))
    return difflib.SequenceMatcher(a=ours, b=theirs).ratio()


def fuzzy_match(result: str, rules: Rules) -> float:
    return fuzz.ratio(result, rules["expected"]) / 100.0


def fuzzy_place_math(result: str | None, rules: Rules) -> float:
    """A document with three words, each as near as possible to one of the answers."""
    from docx import Document

    if result is None:
        return 0.0
    words = [word for part in Document(result).paragraphs for word in part.text.split()]
    if len(words) != 3:
        return 0.0
    near = ([fuzz.ratio(word, answer) / 100 for answer in rules["expected"]] for word in words)
    return sum(max(scores, default=0) for scores in near) / 3


def check_csv(result: str | None, rules: Rules) -> float:
    """Every expected record is somewhere, none of the unexpected is anywhere."""
    if result is None:
        return 0.0
    with open(result, encoding="utf-8", newline="") as file:
        records = list(csv.DictReader(file))

    def found(pattern: Mapping[str, Any]) -> bool:
        return any(
            all(key in record and record[key] == value for key, value in pattern.items())
            for record in records
        )

    expected = all(found(pattern) for pattern in rules.get("expect", []))
    return float(expected and not any(found(pattern) for pattern in rules.get("unexpect", [])))


def check_list(result: str | None, rules: Rules) -> float:
    """Every expected pattern matches a line, none of the unexpected matches any."""
    if result is None:
        return 0.0
    lines = _text(result).splitlines(keepends=True)

    expected = all(apart.found(pattern, lines) for pattern in rules.get("expect", []))
    unexpected = rules.get("unexpect", [])
    return float(expected and not any(apart.found(pattern, lines) for pattern in unexpected))


def check_accessibility_tree(
    result: str, rules: Sequence[Mapping[str, Any]], osname: str = "ubuntu"
) -> float:
    """Whether elements are there, and how near their texts are to what is expected."""
    from env.tasks.metrics.markup import UBUNTU

    names = {key: value.replace("ubuntu", osname) for key, value in UBUNTU.items()}
    total = 1.0
    for rule in rules:
        if "xpath" not in rule and "selectors" not in rule:
            raise ValueError("a rule has neither xpath nor selectors")
        texts = apart.elements(result, rule.get("xpath"), rule.get("selectors", ()), names)
        if not texts:
            return 0.0
        if "text" in rule:
            total *= max(_likeness(rule, text) for text in texts)
    return float(total)


def _likeness(rule: Mapping[str, Any], text: str | None) -> float:
    if rule["exact"]:
        return float(text == rule["text"])
    return fuzz.ratio(rule["text"], text or "") / 100.0


def run_sqlite3(result: str, rules: Rules) -> float:
    """The first number that a query of the task's finds in a database off the machine.

    Both are strangers': the file is opened to be read only, no other file can be attached, and
    a query that goes on for ever is ended.
    """
    until = time.monotonic() + _SQL_SECONDS
    uri = Path(result).resolve().as_uri() + "?mode=ro&immutable=1"
    connection = sqlite3.connect(uri, uri=True)
    try:
        connection.set_authorizer(
            lambda action, *_: (
                sqlite3.SQLITE_DENY if action == sqlite3.SQLITE_ATTACH else sqlite3.SQLITE_OK
            )
        )
        connection.set_progress_handler(lambda: int(time.monotonic() > until), _SQL_STEPS)
        return float(connection.execute(rules["sql"]).fetchone()[0] or 0)
    finally:
        connection.close()


def check_json(result: str | None, rules: Rules, is_yaml: bool = False) -> float:
    """Values at paths of keys, each by a rule; a path that is not there fails what is expected."""
    if result is None or not Path(result).exists():
        return 0.0
    try:
        value = _yaml(result) if is_yaml else json.loads(_text(result))
    except (ValueError, OSError, RecursionError):
        return 0.0
    if is_yaml and value is None:
        return 0.0
    try:
        for rule in rules.get("expect", []):
            if not follows(_at(value, rule["key"]), rule):
                return 0.0
        return float(not any(_unexpected(value, rule) for rule in rules.get("unexpect", [])))
    except Exception:
        # As in OSWorld: a value that a rule cannot be asked of (a text by "ge") does not follow it.
        return 0.0


def _unexpected(value: Any, rule: Mapping[str, Any]) -> bool:
    try:
        found = _at(value, rule["key"])
    except (KeyError, TypeError):
        found = None
    return follows(found, rule)


def _at(value: Any, keys: Sequence[Any]) -> Any:
    for key in keys:
        value = value[key]
    return value


def _yaml(path: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(_text(path))
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


def check_direct_json_object(result: Any, rules: Rules) -> float:
    """An object's values are the expected ones, or (with `expect_in_result`) contain them.

    As in OSWorld, an object that came as text may be written with single quotes.
    """
    if isinstance(result, str):
        result = json.loads(result.strip().replace("'", '"'))
    if result is None:
        return 0.0
    expected = rules.get("expected", {})
    try:
        if _FAILED in expected.values():
            return 0.0
        if rules.get("expect_in_result", False):
            return float(all(_contains(result.get(key), one) for key, one in expected.items()))
        if expected.get("ignore_list_order", False):
            pairs = [(sorted(one), sorted(result.get(key))) for key, one in expected.items()]
        else:
            pairs = [(one, result.get(key)) for key, one in expected.items()]
        return float(all(wanted == found for wanted, found in pairs))
    except Exception:
        # What a site or a page gave may have any shape; another shape is a miss.
        return 0.0


def _contains(found: Any, expected: Any) -> bool:
    if isinstance(expected, list):
        if isinstance(found, list):
            return any(one in found for one in expected)
        return isinstance(found, str) and found in expected
    return isinstance(expected, str) and expected in found


def compare_time_in_speedtest_results(result: str | None, time_diff: Any) -> float:
    """The clock of the second line's second column is near to ours, in minutes."""
    if not result:
        return 0.0
    try:
        lines = _text(result).splitlines()
        if len(lines) < 2:
            return 0.0
        seen = datetime.strptime(lines[1].split(",")[1][-5:], "%H:%M")
        now = datetime.strptime(datetime.now().strftime("%H:%M"), "%H:%M")
        return float(abs((seen - now).total_seconds()) / 60 < int(time_diff))
    except (OSError, ValueError, IndexError):
        return 0.0


def is_included_all_json_objects(gold: str | None, result: str | None) -> float:
    if not gold or not result:
        return 0.0
    theirs, ours = (json.loads(_text(path)) for path in (gold, result))
    return float(all(key in ours and ours[key] == value for key, value in theirs.items()))


def is_gold_text_included_in_pdf(pdf: str | None, gold: str | None) -> float:
    """Every value of a JSON object is in a PDF's text."""
    from pdfplumber import open as opened

    if not gold or not pdf:
        return 0.0
    wanted = json.loads(_text(gold))
    with opened(pdf) as document:
        text = "".join(page.extract_text() for page in document.pages)
    return float(all(value in text for value in wanted.values()))


def file_contains(result: str | None, rules: Rules) -> float:
    if not result:
        return 0.0
    try:
        text = _text(result)
        return float(all(wanted in text for wanted in rules["expected"]))
    except (OSError, ValueError, KeyError, TypeError):
        return 0.0


def check_line_number(result: str | None, rules: Rules) -> float:
    """As many lines have a time of day as expected."""
    if result is None or not Path(result).is_file():
        return 0.0
    try:
        count = sum(bool(_CLOCK.search(line)) for line in _text(result).splitlines())
        return float(count == int(rules["expected"]))
    except (OSError, ValueError, KeyError):
        return 0.0


def compare_terminal_and_txt(result: str | None, terminal: str | None) -> float:
    if not result or not terminal:
        return 0.0
    return float(terminal == _text(result))


def _text(path: str) -> str:
    return Path(path).read_text(encoding="utf-8")
