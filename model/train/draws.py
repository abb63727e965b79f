"""What a step trains on: rows drawn from the mixture, padded together or packed.

Everything depends on the stage's seed and the step's number alone, so a resumed run sees what
the uninterrupted one would have seen, and it does not matter how many processes share it.
"""

import itertools
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol, runtime_checkable

from torch.utils.data import DataLoader, Dataset

from model.train.batches import Batch, packed, padded
from model.train.documents import Document, Reader
from model.train.replicas import Replicas
from model.train.samples import Conversation, Label
from model.train.stages import Stage

Row = tuple[Conversation, Sequence[Label] | None]
Source = Callable[[random.Random], Row]
"""Draws one row; everything random in it comes from the generator given."""


@runtime_checkable
class Continuing(Protocol):
    """A source whose rows have something in common with the next ones, if nothing is between."""

    def one_after_another(self, rng: random.Random) -> Iterator[Row]:
        """Rows without end; however few are taken, each is as likely as it is alone."""
        ...


AHEAD = 4
"""Steps a process of `Draws.from_step` has ready: drawing is uneven, learning is not."""

POOL = 4
"""Batches drawn at once and sorted by length of text, so that a batch needs little padding."""


class Draws:
    def __init__(
        self, stage: Stage, sources: Mapping[str, Source], read: Reader, replicas: Replicas
    ) -> None:
        """
        Args:
            sources: one for every name in the stage's mixture.
            replicas: each process gets its share of every step.
        """
        missing = stage.mixture.keys() - sources.keys()
        if missing:
            raise ValueError(f"the mixture names {sorted(missing)}; there are {sorted(sources)}")
        self.stage, self.sources, self.read, self.replicas = stage, sources, read, replicas

    def from_step(self, step: int, readers: int) -> Iterator[list[Batch]]:
        """The shares of every step from this one on, the same bits however they are drawn.

        Args:
            readers: processes that draw ahead; 0: each step is drawn when it is asked for.
        """
        steps = range(step, self.stage.num_steps)
        if not readers:
            return map(self.batches, steps)
        loader: DataLoader[list[Batch]] = DataLoader(
            _Steps(self),
            batch_size=None,
            sampler=steps,
            num_workers=readers,
            prefetch_factor=AHEAD,
            collate_fn=_as_drawn,
            # What is read stays in memory once: the processes share it until they write.
            multiprocessing_context="fork",
        )
        return iter(loader)

    def batches(self, step: int) -> list[Batch]:
        """This process's share of a step, to be gone through one after another."""
        if not self.stage.sequence_length:
            rows = self.replicas.share(self._rows(step))
            return [padded([self.read(*row) for row in rows])] if rows else []
        length = self.stage.sequence_length
        numbers = self.replicas.share(range(self.stage.batch_size))
        return [packed(self._sequence(step, number), num_tokens=length) for number in numbers]

    def _sequence(self, step: int, number: int) -> Iterator[Document]:
        """Documents without end, every one from a source drawn anew; what a source gives are steps
        of an episode one after another, where it has any."""
        rng = random.Random(f"{self.stage.seed}/{step}/{number}")
        names, shares = zip(*sorted(self.stage.mixture.items()), strict=True)
        rows = {name: _one_after_another(self.sources[name], rng) for name in names}
        while True:
            [name] = rng.choices(names, shares)
            yield self.read(*next(rows[name]))

    def _rows(self, step: int) -> list[Row]:
        """The rows of one step: its share of a pool drawn for `POOL` steps at once."""
        pool, place = divmod(step, POOL)
        rng = random.Random(f"{self.stage.seed}/{pool}")
        names, shares = zip(*sorted(self.stage.mixture.items()), strict=True)
        chosen = rng.choices(names, shares, k=self.stage.batch_size * POOL)
        rows = [self.sources[name](rng) for name in chosen]
        rows.sort(key=lambda row: sum(len(t.prompt) + len(t.answer) for t in row[0].turns))
        batches = [
            rows[start : start + self.stage.batch_size]
            for start in range(0, len(rows), self.stage.batch_size)
        ]
        rng.shuffle(batches)
        return batches[place]


class _Steps(Dataset[list[Batch]]):
    def __init__(self, draws: Draws) -> None:
        self._draws = draws

    def __getitem__(self, step: int) -> list[Batch]:
        return self._draws.batches(step)


def _one_after_another(source: Source, rng: random.Random) -> Iterator[Row]:
    if isinstance(source, Continuing):
        return source.one_after_another(rng)
    return (source(rng) for _ in itertools.repeat(None))


def _as_drawn(batches: list[Batch]) -> list[Batch]:
    return batches
