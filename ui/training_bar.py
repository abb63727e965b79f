"""A stage of training, or episodes, as a line that moves: step, loss, time left.

Where nobody looks (a file, a pipe) it is a plain line now and then.
"""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import TaskID

from ui.tables import progress

SECONDS_A_LINE = 60.0


class TrainingBar:
    """Told every step; fits `Watch.on_step`."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar = progress(console)
        self._lines: dict[str, TaskID] = {}
        self._told_at = time.monotonic()

    def __call__(self, stage: str, num_steps: int, row: dict[str, float]) -> None:
        step = int(row["step"])
        words = f"{stage}: {_told(row)}"
        if self._console.is_terminal:
            if stage not in self._lines:
                self._lines[stage] = self._bar.add_task(words, total=num_steps, completed=step - 1)
            self._bar.update(self._lines[stage], completed=step, description=words)
        elif step == num_steps or time.monotonic() - self._told_at > SECONDS_A_LINE:
            self._told_at = time.monotonic()
            self._console.print(f"{words}, step {step} of {num_steps}", highlight=False)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()


def _told(row: dict[str, float]) -> str:
    """Of a training's step its loss, of an episode how many succeeded so far."""
    if "won" in row:
        return f"{row['won'] / row['step']:.0%} succeeded"
    return f"loss {row['loss']:.3f}, answers {row['token_accuracy']:.0%}"
