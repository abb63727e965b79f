"""Results in OSWorld's layout as demonstrations: ours (`trajectories.osworld`) and theirs.

Theirs say what was sent to the screen, as code in pixels; that is what is
taken, with the words of the answer. They keep neither the instruction nor the
first screen: the one is looked for in the task files, a step whose screen
nobody kept is left out.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

from model.messages import THINK_CLOSE, THINK_OPEN
from trajectories.answer_text import Sections, answer_of, sections_of
from trajectories.demo import Demo, DemoStep
from trajectories.errors import FormatError
from trajectories.formats.pixel_code import in_fractions
from trajectories.osworld import TASK_NAME
from trajectories.pictures import size_of

Line = dict[str, Any]


def read_osworld(path: Path, tasks: Path | None = None) -> Iterator[Demo]:
    """Every task at or below a folder that has a score, by its path.

    Args:
        tasks: OSWorld's `evaluation_examples`, for results that do not say their instruction.

    Raises:
        FormatError: naming the file.
    """
    found = sorted(file.parent for file in path.glob("**/traj.jsonl"))
    if not found:
        raise FormatError(f"no traj.jsonl in {path}; expected OSWorld's result folders")
    for folder in found:
        if (folder / "result.txt").exists():
            yield _demo(folder, tasks)


def _demo(folder: Path, tasks: Path | None) -> Demo:
    lines = [line for line in _lines(folder / "traj.jsonl") if "step_num" in line]
    told = _task(folder, tasks)
    ours = (folder / TASK_NAME).exists()
    try:
        score = float((folder / "result.txt").read_text(encoding="ascii"))
        screens = sorted(folder.glob("step_0_*.png"))
        screen = screens[0] if screens else None
        steps: list[DemoStep] = []
        for _, group in groupby(lines, key=lambda line: line["step_num"]):
            of_step = list(group)
            if screen is not None and not of_step[-1].get("info", {}).get("refused"):
                steps.append(_step(len(steps) + 1, screen, of_step, ours=ours))
            after = of_step[-1].get("screenshot_file")
            screen = None if after is None else _picture(folder, after)
    except (KeyError, TypeError, ValueError, AttributeError, OSError) as error:
        raise FormatError(f"{folder / 'traj.jsonl'}: {error!r}") from error
    if not steps:
        raise FormatError(f"{folder}: no step whose screen was kept")
    width, height = size_of(steps[0].png)
    return Demo(
        demo_id=folder.name,
        task=str(told.get("task", folder.parent.name)),
        seed=told.get("seed"),
        instruction=str(told["instruction"]),
        width=width,
        height=height,
        steps=tuple(steps),
        success=score > 0,
        score=score,
    )


def _step(number: int, screen: Path, lines: list[Line], *, ours: bool) -> DemoStep:
    png = screen.read_bytes()
    response = _said(lines[0].get("response"))
    sections = sections_of(response)
    sent = [line["action"] for line in lines if isinstance(line["action"], str)]
    # Ours say in their answers what was sent, in the fractions it was meant in.
    if sent and not ours:
        code = "\n".join(in_fractions(each, *size_of(png)) for each in sent)
        sentence = sections.action or str(lines[0].get("natural_language_action") or "")
        sections = replace(sections, action=sentence, code=code)
        response = answer_of(sections)
    return DemoStep(number=number, png=png, response=response, sections=sections)


def _said(response: Any) -> str:
    """The answer's text; Kimi's agent writes the whole message down."""
    match response:
        case {"content": str(content)}:
            thought = response.get("reasoning_content")
            return f"{THINK_OPEN}{thought}{THINK_CLOSE}{content}" if thought else content
        case str():
            return response
        case _:
            return answer_of(Sections())


def _task(folder: Path, tasks: Path | None) -> Line:
    places = [folder / TASK_NAME]
    if tasks is not None:
        places.append(tasks / "examples" / folder.parent.name / f"{folder.name}.json")
    for place in places:
        if place.exists():
            try:
                told = json.loads(place.read_text(encoding="utf-8"))
            except ValueError as error:
                raise FormatError(f"{place}: {error}") from error
            if not isinstance(told, dict) or not isinstance(told.get("instruction"), str):
                raise FormatError(f"{place}: no instruction")
            return told
    raise FormatError(
        f"{folder}: nothing says the instruction; expected {TASK_NAME} in it, or the task files"
        " (--tasks evaluation_examples)"
    )


def _lines(path: Path) -> Iterator[Line]:
    for number, text in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        if not text.strip():
            continue
        try:
            line = json.loads(text)
        except ValueError as error:
            raise FormatError(f"{path}:{number}: not JSON: {error}") from error
        if not isinstance(line, dict):
            raise FormatError(f"{path}:{number}: a {type(line).__name__}; expected an object")
        yield line


def _picture(folder: Path, name: str) -> Path:
    if Path(name).name != name:
        raise ValueError(f"a screenshot {name!r}; expected a file name without a folder")
    return folder / name
