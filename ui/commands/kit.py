"""What the training commands need of the model, which they do not know: `model.train.kit` fits."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from model.train.samples import Attempt, Setting


class Kit(Protocol):
    def weights_folder(self, name: str) -> Path:
        """Of a name as `--model` takes it."""
        ...

    def pretrain(self, recipe: str, data: Path, out: Path, setting: Setting) -> Path: ...

    def sft(self, config: Path, init: str, data: Path, out: Path, setting: Setting) -> Path: ...

    def round(
        self,
        init: Path,
        data: Path,
        out: Path,
        setting: Setting,
        *,
        steps: int,
        batch_size: int,
        learning_rate: float,
        specimens: Path | None,
        seed: int,
        processes: int,
    ) -> Path: ...

    def variant(
        self,
        config: Path,
        init: str,
        data: Path,
        out: Path,
        setting: Setting,
        *,
        without: tuple[str, ...],
        seed: int,
    ) -> Path: ...

    def reinforce(
        self,
        init: Path,
        attempts: Sequence[Attempt],
        out: Path,
        *,
        temperature: float,
        sampling_temperature: float,
        held: Sequence[Attempt],
        learning_rate: float,
        most_drift: float,
        problems_a_step: int,
        length_weight: float,
        seed: int,
        threads: int,
    ) -> dict[str, float]: ...


OpenKit = Callable[[], Kit]
"""Opened when it is needed: torch takes a second to import."""
