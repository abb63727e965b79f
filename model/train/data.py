"""The data folder: what a mixture's names stand for.

specimens/       pages of random text, labelled (`main.py label`)
runs/            run folders (`main.py collect`), or train.jsonl of an export
screens/         pages of real applications, labelled (`main.py label --desktop`)
weights.json     task to how much more often than others it is drawn, if it is there
held-out/        the same again, for the gates; nothing in it is trained on
tiktoken.model   the vocabulary
"""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from model.train.copying import CopySource
from model.train.draws import Source
from model.train.needles import NeedleSource, ScreenNeedleSource
from model.train.samples import Demonstration, Setting, read_pages
from model.train.sources import DemonstrationSource, PageSource, without_doubles
from model.train.stages import Stage

HELD_OUT = "held-out"
SOURCES = (
    "specimens",
    "screens",
    "demonstrations",
    "thoughts",
    "copying",
    "needles",
    "far-needles",
    "screen-needles",
)
SHORT_TOKENS = 1024
"""Of a needle's text where a stage has no sequence length."""
TOKENS_A_SCREEN = 80
"""Of a task's page, with what is around a picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingData:
    folder: Path
    setting: Setting
    specimens: Path | None = None
    """A folder to take specimens from; None: this one."""
    num_questions: int = 3
    """After a demonstration, about its screen."""
    card: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What was read so far: source to how much of it there is, by task."""

    def sources(self, stage: Stage) -> dict[str, Source]:
        """What the stage's mixture names.

        Raises:
            ValueError: a name that is none of `SOURCES`, or nothing there.
        """
        return {name: self._open(name, stage) for name in stage.mixture}

    def held_out(self, name: str, stage: Stage) -> Source:
        """One source, of what is kept for judging.

        Raises:
            ValueError: as `sources`.
        """
        return replace(self, folder=self.folder / HELD_OUT)._open(name, stage)

    def _open(self, name: str, stage: Stage) -> Source:
        longest = stage.sequence_length or SHORT_TOKENS
        match name:
            case "specimens" | "screens":
                pages = read_pages((self.specimens or self.folder) / name)
                self.card[name] = {"pages": len(pages)}
                return PageSource(pages, num_questions=8, window=stage.window)
            case "demonstrations":
                found = list(self.setting.demonstrations(self.folder))
                steps = without_doubles(found)
                doubles = len(found) - len(steps)
                self.setting.say(
                    f"{len(steps)} steps of demonstrations, {doubles} doubles left out"
                )
                self.card[name] = {
                    "steps": len(steps),
                    "doubles_left_out": len(found) - len(steps),
                    "steps_by_task": _by_task(steps),
                    "task_weights": self._task_weights(),
                }
                return DemonstrationSource(
                    steps, num_questions=self.num_questions, task_weights=self._task_weights()
                )
            case "thoughts":
                thought_out = list(self.setting.thoughts(self.folder))
                self.setting.say(f"{len(thought_out)} steps with long thoughts")
                self.card[name] = {
                    "steps": len(thought_out),
                    "steps_by_task": _by_task(thought_out),
                }
                return DemonstrationSource(thought_out, num_questions=0)
            case "copying":
                return CopySource(self.setting.words)
            case "needles" | "far-needles":
                far = name == "far-needles"
                return NeedleSource(self.setting.words, most_tokens=longest, far=far)
            case "screen-needles":
                pages = read_pages(self.folder / "specimens")
                return ScreenNeedleSource(pages, most_screens=max(2, longest // TOKENS_A_SCREEN))
            case _:
                raise ValueError(f"no source {name!r}; expected one of {', '.join(SOURCES)}")

    def write_card(self, folder: Path) -> Path:
        """`data.json`: what the training in this folder was drawn from."""
        path = folder / "data.json"
        told = {"folder": str(self.folder), "sources": self.card}
        path.write_text(json.dumps(told, indent=2) + "\n")
        return path

    def _task_weights(self) -> dict[str, float]:
        path = self.folder / "weights.json"
        if not path.exists():
            return {}
        found = json.loads(path.read_text())
        return {str(task): float(weight) for task, weight in found.items()}


def _by_task(steps: Iterable[Demonstration]) -> dict[str, int]:
    return dict(sorted(Counter(step.conversation.source for step in steps).items()))
