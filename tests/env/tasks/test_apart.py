"""Patterns of strangers: what would never end is a named fault within seconds."""

import json
from typing import Any

import pytest

from env.tasks import apart
from env.tasks.errors import TaskRefused
from env.tasks.judge import judge
from env.tasks.machine import Bench
from env.tasks.task import Task

ENDLESS = "(a+)+$"
LETTERS = "a" * 40 + "!"


def task(func: str, result: Any, rules: Any) -> Task:
    evaluator = {"func": func, "result": result, "expected": {"type": "rule", "rules": rules}}
    return Task.from_json(json.dumps({"id": "t", "instruction": "Do.", "evaluator": evaluator}))


@pytest.mark.parametrize(
    ("pattern", "text", "flags", "is_there"),
    [
        ("b", "abc", 0, True),
        ("^b", "abc", 0, False),
        (r"(?<=a)\w{2}$", "abc", 0, True),
        ("B", "abc", 2, True),
        ("\u00e9.", "caf\u00e9\ud800", 0, True),
    ],
)
def test_a_pattern_is_found_as_re_finds_it(
    pattern: str, text: str, flags: int, is_there: bool
) -> None:
    assert apart.found(pattern, ["", text], flags) is is_there


def test_what_is_no_text_is_not_looked_through() -> None:
    with pytest.raises(TypeError, match="not in"):
        apart.found("a.", [3])  # type: ignore[list-item]


def test_a_pattern_that_never_ends_is_a_fault_with_its_name(bench: Bench) -> None:
    looked = {"type": "vm_command_line", "command": ["printf", "%s", f"http://{LETTERS}"]}
    verdict = judge(
        task("is_expected_url_pattern_match", looked, {"expected": [ENDLESS]}), bench, "DONE"
    )
    assert verdict.score is None
    assert verdict.reason == f"the task file: the pattern {ENDLESS!r} takes more than 2 s of work"


def test_so_is_a_query_that_never_ends() -> None:
    tree = "<a>" + "<b/>" * 300 + "</a>"
    endless = "count(//b[count(//b[count(//b[count(//b) > 1]) > 1]) > 1])"
    with pytest.raises(TaskRefused, match="takes more than 2 s of work"):
        apart.elements(tree, f"//b[{endless} > 0]", (), {})


def test_a_query_that_is_none_is_a_fault_too() -> None:
    with pytest.raises(TaskRefused, match="Invalid expression"):
        apart.elements("<a/>", "//b[", (), {})
