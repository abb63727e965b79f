"""What `train_speed` trains on: three kinds of conversations, drawn as a fine-tuning draws them.

pages       separate pages with one to eight questions each; no two have anything in common
miniwob     an expert's steps of MiniWoB++ tasks, in nano's own prompts: one screen each, then
            questions about it
episodes    steps of an episode in a real editor on a virtual desktop, in the prompts for long
            episodes: each has up to eight screenshots and what was said before
"""

import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from agent.demonstrations import demonstration_of, demonstrations  # noqa: E402
from agent.prompts import NANO, OPENCUA_STEADY, render  # noqa: E402
from benchmarks.episode import perform  # noqa: E402
from env.screen import ScreenSize  # noqa: E402
from model.train.draws import Continuing, Row, Source  # noqa: E402
from model.train.samples import read_pages  # noqa: E402
from model.train.sources import DemonstrationSource, PageSource  # noqa: E402
from trajectories.export import Wanted, samples  # noqa: E402
from trajectories.reading import read_runs  # noqa: E402

KINDS = ("pages", "miniwob", "episodes")
SCREEN = ScreenSize(1280, 720)
TASKS = "click-button,click-checkboxes,enter-text,login-user,use-autocomplete,email-inbox"


@dataclass(slots=True)
class Drawn:
    """A source that remembers what was drawn from it."""

    source: Source
    rows: list[Row] = field(default_factory=list)

    def __call__(self, rng: random.Random) -> Row:
        row = self.source(rng)
        self.rows.append(row)
        return row

    def one_after_another(self, rng: random.Random) -> Iterator[Row]:
        rows = (
            self.source.one_after_another(rng)
            if isinstance(self.source, Continuing)
            else iter(partial(self.source, rng), None)
        )
        for row in rows:
            self.rows.append(row)
            yield row


class AnyQuestions:
    """Pages with one to eight questions."""

    def __init__(self, folder: Path) -> None:
        pages = read_pages(folder)
        self._by_number = [PageSource(pages, num_questions=n) for n in range(1, 9)]

    def __call__(self, rng: random.Random) -> Row:
        return rng.choice(self._by_number)(rng)


def source_of(kind: str, given: Path | None, made: Path) -> Source:
    """
    Args:
        given: labelled pages, or runs; None: some are made in `made`.
    """
    match kind:
        case "pages":
            return AnyQuestions(given or _pages(made))
        case "miniwob":
            steps = list(demonstrations(given or _demonstrated(made), NANO))
            return DemonstrationSource(steps, num_questions=3)
        case _:
            return DemonstrationSource(_recorded(given or _performed(made)), num_questions=0)


def _pages(folder: Path) -> Path:
    from agent.specimens import label_specimens

    for _ in label_specimens(0, 60, folder):
        pass
    return folder


def _demonstrated(folder: Path) -> Path:
    words = ["collect", "--tasks", TASKS, "--episodes", "10", "--out", str(folder)]
    subprocess.run([sys.executable, str(ROOT / "main.py"), *words], check=True)
    return folder


def _performed(folder: Path) -> Path:
    perform(SCREEN, folder)
    return folder


def _recorded(runs: Path) -> list[Any]:
    """Nobody judged the episodes."""
    wanted = Wanted(only_successful=False)
    return [
        demonstration_of(sample)
        for run in read_runs(runs)
        for sample in samples(run, partial(render, OPENCUA_STEADY), wanted)
    ]
