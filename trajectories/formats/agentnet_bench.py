"""AgentNetBench's files: a task with recorded steps, accepted alternatives and target boxes.

    DIR/<task id>.json
    DIR/images/<name>.png

https://github.com/xlang-ai/OpenCUA, evaluation/agentnetbench. Some files name
the text of a write `content`, and miss `alternative_options` and `meta_info`.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from trajectories.errors import FormatError
from trajectories.formats.bench_score import Prediction


@dataclass(frozen=True, slots=True, kw_only=True)
class Monologue:
    observation: str = ""
    thought: str = ""
    low_level_instruction: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchAction:
    type: str
    params: dict[str, Any]
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchStep:
    step_num: int
    """Gaps are allowed."""
    image: str
    action: str = ""
    """The recorded code."""
    milestone: bool = False
    inner_monologue: Monologue = field(default_factory=Monologue)
    ground_truth_actions: list[BenchAction]
    alternative_options: list[list[BenchAction]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchTask:
    task_id: str
    user_task_description: str = ""
    high_level_task_description: str
    """What the model is told."""
    meta_info: dict[str, Any] = field(default_factory=dict)
    steps: list[BenchStep]


_READER = TypeAdapter(BenchTask)


def read_bench(folder: Path) -> Iterator[BenchTask]:
    """Every task of a folder, by file name.

    Raises:
        FormatError: a file that is no task, naming the field; or none at all.
    """
    files = sorted(folder.glob("*.json"))
    if not files:
        raise FormatError(f"no *.json in {folder}; expected AgentNetBench's task files")
    for file in files:
        yield read_bench_task(file)


def read_bench_task(file: Path) -> BenchTask:
    try:
        return _READER.validate_json(file.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise FormatError(f"{file}: {where or 'the file'}: {first['msg']}") from error


def write_bench_task(task: BenchTask, folder: Path) -> Path:
    file = folder / f"{task.task_id}.json"
    text = json.dumps(_READER.dump_python(task, mode="json"), indent=2, ensure_ascii=False)
    file.write_text(text + "\n", encoding="utf-8")
    return file


_POINT = re.compile(r"x=([\d.]+),\s*y=([\d.]+)")
"""Also of what is no number: "1.2.3" ends their program, here it is nothing."""
_STATUS = re.compile(r"status=['\"](\w+)['\"]")
_MESSAGE = re.compile(r"message=['\"](.+?)['\"]")
_KEY_LIST = re.compile(r"keys=\[(.*?)\]")
_KEY = re.compile(r"['\"]([^'\"]*)['\"]|(\w+)")
_SCROLL = re.compile(r"pyautogui\.scroll\(([-\d]+)\)")


def published_predictions(response: str) -> list[Prediction]:
    """The actions of an answer as the bench's own agent for OpenCUA models makes them out.

    Line by line and with its gaps, which cost points: positional arguments, middle clicks,
    `hscroll`, `tripleClick` and a scroll with a point give nothing, a quote in a text ends it.
    """
    lines = [line.strip() for line in response.split("\n")]
    calls = [line for line in lines if line.startswith(("pyautogui.", "computer."))]
    if not calls:
        calls = [call for line in lines if (call := _call_within(line)) is not None]
    return [prediction for call in calls for prediction in _read_call(call)]


def _call_within(line: str) -> str | None:
    for name in ("pyautogui.", "computer."):
        if name in line:
            return name + line.split(name)[1].strip()
    return None


def _read_call(call: str) -> Iterator[Prediction]:
    match = _POINT.search(call)
    point = None if match is None else _pair(match)
    if call.startswith("computer.terminate") and (status := _STATUS.search(call)):
        yield "terminate", status.group(1)
    if call.startswith("computer.triple_click") and point:
        yield "triple_click", point
    if not call.startswith("pyautogui."):
        return
    if point and (kind := _pointed(call)) is not None:
        yield kind, point
    if message := _MESSAGE.search(call):
        yield "write", message.group(1)
    if keys := _KEY_LIST.findall(call):
        names = [(quoted or bare).strip() for quoted, bare in _KEY.findall(keys[0])]
        names = ["ctrl" if name.lower() in ("cmd", "command") else name for name in names if name]
        yield "hotkey" if "hotkey" in call else "press", names
    if (scroll := _SCROLL.search(call)) and (amount := _whole(scroll.group(1))) is not None:
        yield "scroll", amount


def _pointed(call: str) -> str | None:
    if "click" in call and "doubleClick" not in call and "rightClick" not in call:
        return "click"
    for kind in ("moveTo", "doubleClick", "rightClick", "dragTo"):
        if kind in call:
            return kind
    return None


def _pair(point: re.Match[str]) -> tuple[float, float] | None:
    try:
        return float(point.group(1)), float(point.group(2))
    except ValueError:
        return None


def _whole(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None
