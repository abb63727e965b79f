"""AgentNet's published trajectories, and what its chain-of-thought stage reads and writes.

One line a task:

    {"task_id": ..., "instruction": ..., "task_completed": ..., "alignment_score": ..., ...,
     "traj": [{"index": 0, "image": "<name>.png",
               "value": {"code": "pyautogui.click(x=0.5, y=0.5)", "observation": ...,
                         "thought": ..., "action": ..., "last_step_correct": ...,
                         "last_step_redundant": ..., "reflection": ...}}]}

Pictures lie in `images/` beside the file. `code` is one call a line, points as
fractions. Fields that were not written yet are missing.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from trajectories.answer_text import Sections, answer_of
from trajectories.demo import Demo, DemoStep
from trajectories.errors import FormatError
from trajectories.pictures import size_of
from trajectories.thoughts import StepThoughts, TaskThoughts

_STEP_FIELDS = ("observation", "thought", "action", "reflection")
_TASK_FIELDS = (
    "task_completed",
    "alignment_score",
    "efficiency_score",
    "task_difficulty",
    "reason",
    "actual_task",
    "natural_language_task",
)


def write_agentnet(demos: Iterable[Demo], path: Path) -> int:
    """Gives how many lines."""
    pictures = path.parent / "images"
    pictures.mkdir(parents=True, exist_ok=True)
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for demo in demos:
            file.write(json.dumps(_line(demo, pictures), ensure_ascii=False) + "\n")
            count += 1
    return count


def read_agentnet(path: Path, pictures: Path | None = None) -> Iterator[Demo]:
    """
    Args:
        pictures: their folder; `images/` beside the file if not given.

    Raises:
        FormatError: naming line and field.
    """
    pictures = pictures or path.parent / "images"
    with path.open(encoding="utf-8") as lines:
        for number, text in enumerate(lines, start=1):
            if text.strip():
                yield _demo(f"{path}:{number}", text, pictures)


def _line(demo: Demo, pictures: Path) -> dict[str, Any]:
    line: dict[str, Any] = {"task_id": demo.demo_id, "instruction": demo.instruction}
    if demo.thoughts is not None:
        line |= asdict(demo.thoughts)
    elif demo.success is not None:
        line["task_completed"] = demo.success
    line["traj"] = [
        {
            "index": index,
            "image": store_picture(step.png, pictures),
            "value": _value(step),
        }
        for index, step in enumerate(demo.steps)
    ]
    return line


def _value(step: DemoStep) -> dict[str, Any]:
    said = step.sections
    value: dict[str, Any] = {"code": said.code or ""}
    if step.thoughts is not None:
        return value | asdict(step.thoughts)
    told = {"observation": said.observation, "thought": said.thought, "action": said.action}
    return value | {name: text for name, text in told.items() if text}


def store_picture(png: bytes, pictures: Path) -> str:
    """Under the hash of what is in it; gives the file's name."""
    name = f"{hashlib.sha256(png).hexdigest()}.png"
    if not (pictures / name).exists():
        draft = pictures / f"{name}.tmp"
        draft.write_bytes(png)
        draft.replace(pictures / name)
    return name


def _demo(where: str, text: str, pictures: Path) -> Demo:
    line = _as_object(where, text)
    steps = tuple(
        _step(f"{where}: traj.{index}", step, pictures)
        for index, step in enumerate(_get(where, line, "traj", list))
    )
    if not steps:
        raise FormatError(f"{where}: traj is empty; expected at least one step")
    width, height = size_of(steps[0].png)
    try:
        thoughts = (
            TaskThoughts(**{name: line[name] for name in _TASK_FIELDS if name in line})
            if "alignment_score" in line
            else None
        )
    except (TypeError, ValueError) as error:
        raise FormatError(f"{where}: {error}") from error
    completed = line.get("task_completed")
    return Demo(
        demo_id=str(_get(where, line, "task_id", str | int)),
        task="agentnet",
        instruction=_get(where, line, "instruction", str),
        width=width,
        height=height,
        steps=steps,
        success=completed if isinstance(completed, bool) else None,
        thoughts=thoughts,
    )


def _step(where: str, step: Any, pictures: Path) -> DemoStep:
    value = _get(where, step, "value", dict)
    code = _get(f"{where}.value", value, "code", str)
    name = _get(where, step, "image", str)
    if Path(name).name != name:
        raise FormatError(f"{where}.image: {name!r}; expected a file name without a folder")
    told = {field: value.get(field, "") for field in _STEP_FIELDS}
    for field, said in told.items():
        if not isinstance(said, str):
            raise FormatError(f"{where}.value.{field}: {type(said).__name__}; expected text")
    sections = Sections(
        observation=told["observation"],
        thought=told["thought"],
        action=told["action"],
        code=code,
    )
    thoughts = None
    if "last_step_correct" in value:
        thoughts = StepThoughts(
            observation=told["observation"],
            thought=told["thought"],
            action=told["action"],
            last_step_correct=bool(value["last_step_correct"]),
            last_step_redundant=bool(value.get("last_step_redundant", False)),
            reflection=told["reflection"],
        )
    try:
        png = (pictures / name).read_bytes()
    except OSError as error:
        raise FormatError(f"{where}.image: {pictures / name} cannot be read: {error}") from error
    return DemoStep(
        number=int(_get(where, step, "index", int)) + 1,
        png=png,
        response=answer_of(sections),
        sections=sections,
        thoughts=thoughts,
    )


def _as_object(where: str, text: str) -> dict[str, Any]:
    try:
        line = json.loads(text)
    except ValueError as error:
        raise FormatError(f"{where}: not JSON: {error}") from error
    if not isinstance(line, dict):
        raise FormatError(f"{where}: a {type(line).__name__}; expected an object")
    return line


def _get(where: str, holder: Any, name: str, kind: Any) -> Any:
    if not isinstance(holder, dict) or name not in holder:
        raise FormatError(f"{where}: no {name}")
    value = holder[name]
    if not isinstance(value, kind) or isinstance(value, bool):
        raise FormatError(f"{where}: {name} is a {type(value).__name__}; expected {kind}")
    return value
