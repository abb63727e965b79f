"""The only things training sees: one conversation about one screenshot, and a labelled page.

Plain values, no torch, so that whoever makes them (from a trajectory log, from a page)
needs none.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Turn:
    prompt: str
    """What the user says; of the first turn the picture comes before it."""
    answer: str


@dataclass(frozen=True, slots=True)
class Recalled:
    """Earlier steps as a prompt tells them; nothing of it is learned."""

    picture: Path | None
    """What was seen; None: it is told in words alone."""
    said: str
    """By the agent, to what was seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """Loss is on the answers and their end tokens only."""

    system: str
    history: tuple[Recalled, ...] = ()
    """What came before, the oldest first."""
    picture: Path | None
    """A PNG at the screen's own resolution; None: text alone."""
    turns: tuple[Turn, ...]
    earlier: tuple[Path, ...] = ()
    """Pictures shown before it, the oldest first; points mean `picture`."""
    window: tuple[int, int, int, int] | None = None
    """The part of `picture` that is shown, in pixels: left, top, right, bottom; None: all."""
    source: str = ""
    """Task or kind of question; metrics are split by it."""


class Label(NamedTuple):
    text: str
    left: float
    """Pixels of the picture, as the other three."""
    top: float
    right: float
    bottom: float

    @property
    def center(self) -> tuple[float, float]:
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2


Labels = dict[str, tuple[Label, ...]]
"""What can be read on a screenshot: "characters" (every visible glyph), "texts" (every run of
text), "widgets" (kind, label and state in words, e.g. `checkbox "Vel", checked`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledPage:
    picture: Path
    labels: str
    """JSON of `Labels`, read when the page is drawn: thousands of pages are held at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demonstration:
    conversation: Conversation
    """What a live step would ask, and the expert's answer."""
    labels: str | None
    """JSON of `Labels`; None where nobody read the screen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer of a rollout, as it was sampled; its text is never cut into tokens anew."""

    system: str
    picture: Path
    prompt: str
    token_ids: tuple[int, ...]
    log_probs: tuple[float, ...]
    """Natural log of each id's probability when it was drawn, at temperature 1."""
    num_prompt_tokens: int
    """Of the prompt it was drawn after, the picture's included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One episode at a problem."""

    problem: str
    """The same for the attempts that are compared: a task and its seed."""
    task: str
    reward: float
    """0 or 1."""
    answers: tuple[Answer, ...]

    @property
    def num_tokens(self) -> int:
        return sum(len(answer.token_ids) for answer in self.answers)


OnStep = Callable[[str, int, dict[str, float]], None]
"""Told the stage's name, its steps in all and the metrics of every step, in the leading process."""


def unwatched(_stage: str, _num_steps: int, _row: dict[str, float]) -> None:
    """Nobody looks."""


def never() -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """How a training is looked at and stopped; borrowed."""

    threads: int = 1
    """Of torch. More than the cores that are free cost more than they give."""
    readers: int = 0
    """Processes that draw batches ahead; for a GPU, which would wait for them."""
    on_step: OnStep = unwatched
    stop: Callable[[], bool] = never


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a training gets from whoever starts it."""

    demonstrations: Callable[[Path], Iterable[Demonstration]]
    """Reads the runs of a data folder."""
    thoughts: Callable[[Path], Iterable[Demonstration]]
    """The same with long thoughts."""
    words: tuple[str, ...]
    """Common ones, for texts that are made up."""
    say: Callable[[str], None]
    watch: Watch


def labels_from(text: str) -> Labels:
    """Read the JSON of `Labels`: lists of [text, left, top, right, bottom]."""
    return {
        kind: tuple(Label(str(row[0]), *map(float, row[1:])) for row in rows)
        for kind, rows in json.loads(text).items()
    }


def read_pages(folder: Path) -> list[LabelledPage]:
    """Every page of a folder made by `main.py label`: in `*.jsonl`, a picture and labels a line."""
    pages = []
    for index in sorted(folder.glob("*.jsonl")):
        with index.open() as lines:
            for line in lines:
                found = json.loads(line)
                picture = folder / found.pop("picture")
                pages.append(LabelledPage(picture=picture, labels=json.dumps(found)))
    return pages
