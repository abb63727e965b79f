"""What is put to the proof: a run of steps, and what must be found of it afterwards."""

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from trajectories.disk import Disk
from trajectories.log import LOG_NAME, records
from trajectories.schema import EpisodeStart, Intent, Observation, Outcome
from trajectories.store import RunStore, blob_path


@dataclass(slots=True, kw_only=True)
class Report:
    """Of one proof. A bad case is told in words, with the seed that makes it again."""

    name: str
    cases: int = 0
    bad: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    """What else happened, so that a proof in which nothing happens is seen to be one."""

    def count(self, what: str, number: int = 1) -> None:
        self.counts[what] = self.counts.get(what, 0) + number

    def plain(self) -> dict[str, object]:
        return {**asdict(self), "bad": self.bad[:20], "num_bad": len(self.bad)}


def picture(step: int) -> bytes:
    """Stands for a PNG; every third screen is one that was seen before."""
    return f"the screen of step {step // 3 * 3}".encode() * 40


def begin(store: RunStore) -> None:
    store.append(EpisodeStart(task="t", instruction="Go.", width=4, height=3, started_at=0.0))


def take_steps(
    store: RunStore,
    first: int,
    count: int,
    acknowledge: Callable[[int], None],
    perform: Callable[[int], None],
) -> None:
    """As the loop does it: look, say what is meant, and only then act."""
    for step in range(first, first + count):
        image = store.store_image(picture(step))
        store.append(
            Observation(
                step=step,
                image=image,
                width=4,
                height=3,
                taken_at=float(step),
                capture_seconds=0.0,
                settle_seconds=0.0,
                settled=True,
            )
        )
        action = {"action": "TypeText", "text": f"step {step}"}
        store.append(
            Intent(step=step, response="r" * 50 * step, thought="", sentence="", actions=[action]),
            sync=True,
        )
        acknowledge(step)
        perform(step)
        store.append(Outcome(step=step, performed=1))


def found(disk: Disk, folder: Path) -> tuple[list[int], str]:
    """The steps a run holds, in their order; and what is wrong with it, or nothing."""
    steps = []
    for record in records(disk.read(folder / LOG_NAME)):
        if isinstance(record, Intent):
            steps.append(record.step)
        if isinstance(record, Observation):
            path = blob_path(folder, record.image)
            if not disk.exists(path):
                return steps, f"the screenshot of step {record.step} is missing"
            if hashlib.sha256(disk.read(path)).hexdigest() != record.image:
                return steps, f"the screenshot of step {record.step} is another"
    if steps != list(range(1, len(steps) + 1)):
        return steps, f"steps {steps} are not in order"
    return steps, ""
