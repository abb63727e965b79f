"""A training's metrics as TensorBoard reads them, for those who watch with it."""

from pathlib import Path
from types import TracebackType
from typing import Self

from tensorboardX import SummaryWriter


class TensorBoard:
    """Told every step; fits `Watch.on_step`. A stage is a run of its own, under its name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._writers: dict[str, SummaryWriter] = {}

    def __call__(self, stage: str, _num_steps: int, row: dict[str, float]) -> None:
        if stage not in self._writers:
            self._writers[stage] = SummaryWriter(str(self.folder / stage))
        for name, value in row.items():
            if name != "step":
                self._writers[stage].add_scalar(name, value, int(row["step"]))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for writer in self._writers.values():
            writer.close()
