"""Runs into a data set: what is wanted, no sample twice, split by task, with a card.

A task stands in one split only, whatever its seed: decided by a hash of its
name, so that a task keeps its split when runs are added. The card says what
was left out and why, and the hash of every file.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from model.messages import ImagePart
from trajectories.export import Render, Sample, Wanted, samples_of, why_not
from trajectories.reading import RunRecord

SPLITS = ("train", "validation", "test")
CARD_NAME = "card.json"


@dataclass(frozen=True, slots=True)
class Shares:
    """Of the tasks, for validation and test; the rest is for training."""

    validation: float = 0.0
    test: float = 0.0

    def __post_init__(self) -> None:
        if min(self.validation, self.test) < 0 or self.validation + self.test >= 1:
            raise ValueError(
                f"shares of {self.validation} and {self.test}; expected 0 or more, below 1 in all"
            )

    def split_of(self, task: str) -> str:
        place = int.from_bytes(hashlib.sha256(task.encode()).digest()[:8]) / 2**64
        if place < self.test:
            return "test"
        return "validation" if place < self.test + self.validation else "train"


@dataclass(slots=True)
class Counts:
    """What a data set is made of; filled while it is made."""

    episodes: Counter[str] = field(default_factory=Counter)
    """Taken, by task."""
    samples: Counter[str] = field(default_factory=Counter)
    """By split."""
    by_task: Counter[str] = field(default_factory=Counter)
    """Samples."""
    left_out: Counter[str] = field(default_factory=Counter)
    """Episodes, by why."""
    repeated: int = 0
    """Samples that were there already."""
    policies: Counter[str] = field(default_factory=Counter)
    """Samples, by who acted."""


class Dataset:
    """Samples of some runs, a split at a time. Holds hashes, no pictures."""

    def __init__(
        self,
        runs: Callable[[], Iterable[RunRecord]],
        render: Render,
        wanted: Wanted,
        shares: Shares,
    ) -> None:
        """
        Args:
            runs: gives them anew for each split.
        """
        self._runs = runs
        self._render = render
        self._wanted = wanted
        self._shares = shares
        self._seen: set[bytes] = set()
        self.counts = Counts()

    def samples(self, split: str) -> Iterator[Sample]:
        """Every sample of a split that no earlier one was like.

        Raises:
            BlobMissing.
        """
        for run in self._runs():
            for number, episode in enumerate(run.episodes):
                if self._shares.split_of(episode.start.task) != split:
                    continue
                reason = why_not(run, episode, self._wanted)
                if reason is not None:
                    self.counts.left_out[reason] += 1
                    continue
                self.counts.episodes[episode.start.task] += 1
                for sample in samples_of(run, number, episode, self._render):
                    if self._is_new(sample):
                        self._count(split, run, sample)
                        yield sample

    def _is_new(self, sample: Sample) -> bool:
        digest = _digest(sample)
        if digest in self._seen:
            self.counts.repeated += 1
            return False
        self._seen.add(digest)
        return True

    def _count(self, split: str, run: RunRecord, sample: Sample) -> None:
        self.counts.samples[split] += 1
        self.counts.by_task[sample.meta.task] += 1
        self.counts.policies[run.run.policy] += 1

    def write_card(self, folder: Path, told: dict[str, Any]) -> Path:
        """After the last split.

        Args:
            told: what else belongs on it: format, style, where the runs lie.
        """
        counts = self.counts
        files = {
            str(path.relative_to(folder)): _hash_of(path)
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.name != CARD_NAME and "images" not in path.parts
        }
        card = {
            **told,
            "wanted": asdict(self._wanted),
            "shares": asdict(self._shares),
            "num_samples": dict(counts.samples),
            "num_episodes": sum(counts.episodes.values()),
            "episodes_left_out": dict(counts.left_out),
            "samples_repeated": counts.repeated,
            "samples_by_task": dict(sorted(counts.by_task.items())),
            "samples_by_policy": dict(counts.policies),
            "num_pictures": len(list(folder.glob("**/images/*"))),
            "sha256": files,
        }
        path = folder / CARD_NAME
        path.write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        return path


def _digest(sample: Sample) -> bytes:
    """Of everything that is learned from."""
    whole = hashlib.sha256()
    for message in sample.messages:
        for part in message.parts:
            data = part.image.tobytes() if isinstance(part, ImagePart) else part.text.encode()
            whole.update(len(data).to_bytes(8))
            whole.update(data)
    whole.update(sample.target.encode())
    return whole.digest()


def _hash_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
