"""Programs: their text, what they print, whether a test passes on them."""

import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from env.tasks.errors import Unscored
from env.tasks.machine import Bench

_NEAR = 1e-4
_METADATA = ("#!", "# -*- coding:", "# coding:", "# coding=")
_METADATA_LINES = 3

_DRIVER = """
import importlib.util, json, sys
path, name, told = sys.argv[1:]
spec = importlib.util.spec_from_file_location("task_test", path)
module = importlib.util.module_from_spec(spec)
sys.modules["task_test"] = module
spec.loader.exec_module(module)
found = getattr(module, name)()
score = max(0.0, min(1.0, float(found))) if isinstance(found, (int, float)) else float(bool(found))
with open(told, "w") as file:
    json.dump(score, file)
"""
"""Runs the task's test beside what the agent wrote, on the machine: both are strangers' code."""


def compare_python_pure_text(result: str | None, expected: str | None) -> float:
    """The same lines, less what says how the file is written, empty ones and space at ends."""
    if not result or not expected:
        return 0.0
    try:
        return float(_bare(result) == _bare(expected))
    except (OSError, UnicodeDecodeError):
        return 0.0


def _bare(path: str) -> list[str]:
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    start = 0
    while start < min(len(lines), _METADATA_LINES) and lines[start].strip().startswith(_METADATA):
        start += 1
    return [line.expandtabs(4).rstrip() for line in lines[start:] if line.strip()]


def compare_result_files(result: str | None, expected: str | None) -> float:
    """The expected number is in the result, or near it; else the same text."""
    if not result or not expected:
        return 0.0
    ours, theirs = (Path(path).read_text(encoding="utf-8").strip() for path in (result, expected))
    try:
        number = float(theirs)
        return float(theirs in ours or abs(float(ours) - number) < _NEAR)
    except ValueError:
        return float(ours == theirs)


def check_python_file_by_test_suite(
    result: Any, test: str | None, *, bench: Bench | None = None, **options: Any
) -> float:
    """What the task's test function says of the agent's program: a truth, or a number.

    Raises:
        Unscored: there is no machine to run it on. It is never run here.
    """
    if not test or not Path(test).is_file():
        return 0.0
    if bench is None:
        raise Unscored("needs a machine to run a test on")
    folder = f"/tmp/test-{secrets.token_hex(8)}"
    for path in Path(test).parent.iterdir():
        if path.is_file():
            bench.machine.put_file(f"{folder}/{path.name}", path.read_bytes())
    name, told = options.get("test_function_name", "test"), f"{folder}/score-{secrets.token_hex(8)}"
    script = 'cd "$1" && exec python -c "$2" "$3" "$4" "$5"'
    arguments = (folder, _DRIVER, f"{folder}/{Path(test).name}", name, told)
    bench.machine.run(("/bin/sh", "-c", script, "sh", *arguments))
    try:
        return float(json.loads(bench.machine.get_file(told)))
    except (OSError, ValueError, TypeError):
        return 0.0


def check_html_background_image(
    result: str | None, rules: Mapping[str, Any] | None = None
) -> float:
    """A style sheet in the page names the picture."""
    from bs4 import BeautifulSoup

    if not result or rules is None:
        return 0.0
    page = BeautifulSoup(Path(result).read_text(encoding="utf-8"), "html.parser")
    wanted = f"background-image: url('{rules['value']}')"
    return float(any(wanted in style.text for style in page.find_all("style")))
