"""Thoughts written about a run after it: beside the log, which stays as it was.

    run-<ulid>/thoughts.jsonl     a line a step or an episode, the last one counts

The fields are those of OpenCUA's chain-of-thought stage
(https://arxiv.org/abs/2508.09123): what the screen shows, why the next action,
the action in a sentence, and what the next screen says about it.
"""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pydantic import ConfigDict, TypeAdapter, ValidationError

from trajectories.errors import FormatError

THOUGHTS_NAME = "thoughts.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepThoughts:
    __pydantic_config__ = ConfigDict(extra="forbid")
    observation: str
    thought: str
    action: str
    last_step_correct: bool
    """Of this step, in spite of the name, which is OpenCUA's."""
    last_step_redundant: bool
    reflection: str = ""
    """What the next screen shows of this action's effect; empty for the last step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskThoughts:
    """The summarizer's view of a whole episode."""

    __pydantic_config__ = ConfigDict(extra="forbid")
    task_completed: bool
    alignment_score: int
    """0 to 10, as the next two: does the trajectory do what the instruction says."""
    efficiency_score: int
    task_difficulty: int
    reason: str = ""
    actual_task: str = ""
    """What was done, in words."""
    natural_language_task: str = ""
    """The instruction as somebody would say it."""

    def __post_init__(self) -> None:
        for name in ("alignment_score", "efficiency_score", "task_difficulty"):
            if not 0 <= getattr(self, name) <= 10:
                raise ValueError(f"{name} of {getattr(self, name)}; expected 0 to 10")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    __pydantic_config__ = ConfigDict(extra="forbid")
    episode: int
    step: int | None = None
    """None: the line is about the whole episode."""
    about_step: StepThoughts | None = None
    about_task: TaskThoughts | None = None


@dataclass(frozen=True, slots=True)
class Thoughts:
    steps: dict[tuple[int, int], StepThoughts] = field(default_factory=dict)
    """By episode, counted from 0, and step, counted from 1."""
    tasks: dict[int, TaskThoughts] = field(default_factory=dict)


_READER = TypeAdapter(_Line)


def read_thoughts(folder: Path) -> Thoughts:
    """Of a run folder; empty if nobody wrote any. A torn last line is passed over.

    Raises:
        FormatError: a line before the last that is none.
    """
    found = Thoughts()
    path = folder / THOUGHTS_NAME
    if not path.exists():
        return found
    lines = path.read_bytes().split(b"\n")
    for number, text in enumerate(lines, start=1):
        if not text:
            continue
        try:
            line = _READER.validate_json(text)
        except ValidationError as error:
            if number == len(lines):
                break
            raise FormatError(f"{path}:{number}: {error.errors()[0]['msg']}") from error
        if line.about_step is not None and line.step is not None:
            found.steps[line.episode, line.step] = line.about_step
        if line.about_task is not None:
            found.tasks[line.episode] = line.about_task
    return found


def add_step_thoughts(folder: Path, episode: int, step: int, thoughts: StepThoughts) -> None:
    _add(folder, _Line(episode=episode, step=step, about_step=thoughts))


def add_task_thoughts(folder: Path, episode: int, thoughts: TaskThoughts) -> None:
    _add(folder, _Line(episode=episode, about_task=thoughts))


def _add(folder: Path, line: _Line) -> None:
    """On disk when this returns: a teacher's answer costs more than a sync."""
    path = folder / THOUGHTS_NAME
    text = json.dumps(asdict(line), ensure_ascii=False) + "\n"
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "r+b") as file:
        # What a crash tore off is not worth keeping: it will be written again.
        whole = file.read().rpartition(b"\n")
        file.truncate(len(whole[0]) + len(whole[1]))
        file.seek(0, os.SEEK_END)
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())
