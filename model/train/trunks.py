"""What the documents of a pack have in common, laid out once: a trunk, and what branches off it.

The steps of an episode make prompts that repeat one another: the instruction, the words so far,
the last screenshots. Each tool that trains every step as a row of its own computes all that anew
for every step. Here a document that begins as an earlier one does goes on from there: its row has
only the rest, which sees the other's beginning as its own past. What comes out is the same, since
no token sees what comes after it; and the gradients of all who share a token add up in it.

Pictures are shared wherever they stand: MoonViT sees a picture by itself.
"""

from collections.abc import Hashable, Sequence

import numpy as np

from model.attention import Stretch
from model.train.documents import Document, Picture

LEAST_SHARED = 32
"""Tokens. Of fewer, the keys are sooner computed again than copied for another row."""


Path = tuple[tuple[int, int], ...]
"""Stretches in their order, and how many of their first tokens belong to it."""


class Album:
    """The pictures of documents, numbered in the order in which they are first seen."""

    def __init__(self, *, shares: bool) -> None:
        """
        Args:
            shares: a picture has one number wherever it stands; else one at each place.
        """
        self.shares = shares
        self.pictures: list[Picture] = []
        self._numbers: dict[Hashable, int] = {}

    def add(self, document: Document) -> list[int]:
        """The numbers of its pictures."""
        found = []
        for picture, _, _ in document.shown:
            name = picture.name if self.shares else len(self.pictures)
            if name not in self._numbers:
                self._numbers[name] = len(self.pictures)
                self.pictures.append(picture)
            found.append(self._numbers[name])
        return found


class Trunks:
    """A row to which documents are added, each from where an earlier one leaves it."""

    def __init__(self, *, shares: bool) -> None:
        """
        Args:
            shares: else each document is there for itself, whole and with its own pictures.
        """
        self.album = Album(shares=shares)
        self.documents: list[Document] = []
        self.pictures: list[list[int]] = []
        """Of each document, as the album numbers them."""
        self.ids: list[int] = []
        self.shown: list[int] = []
        """The picture of each run of placeholders."""
        self.stretches: list[Stretch] = []
        """The n-th is what the n-th document has for itself; that may be nothing."""
        self.places: list[np.ndarray] = []
        """In the row, of each document's tokens."""
        self._marks: list[np.ndarray] = []
        self._paths: list[Path] = []

    def add(self, document: Document) -> None:
        pictures = self.album.add(document)
        marks = _marks(document, pictures)
        nearest, num_shared = self._nearest(marks) if self.album.shares else (0, 0)
        past: Path = ()
        shared = np.empty(0, dtype=np.int64)
        if num_shared:
            past = _cut(self._paths[nearest], num_shared)
            shared = self.places[nearest][:num_shared]
        own = document.num_tokens - num_shared
        self.places.append(np.concatenate([shared, np.arange(own) + len(self.ids)]))
        self._paths.append((*past, (len(self.stretches), own)))
        self.stretches.append(Stretch(own, past))
        self.ids += document.tokens.ids[num_shared:]
        for each, number in zip(document.shown, pictures, strict=True):
            if each.first >= num_shared:
                self.shown.append(number)
        self.documents.append(document)
        self.pictures.append(pictures)
        self._marks.append(marks)

    def _nearest(self, mine: np.ndarray) -> tuple[int, int]:
        """Which document this one follows furthest, and how far: 0, or `LEAST_SHARED` and more."""
        nearest, num_shared = 0, 0
        for number, other in enumerate(self._marks):
            length = min(len(mine), len(other))
            # Most cannot be better, and one look tells.
            if length <= num_shared or mine[num_shared] != other[num_shared]:
                continue
            differs = np.flatnonzero(mine[:length] != other[:length])
            alike = int(differs[0]) if len(differs) else length
            if alike > num_shared:
                nearest, num_shared = number, alike
        return (nearest, num_shared) if num_shared >= LEAST_SHARED else (0, 0)


def _marks(document: Document, pictures: Sequence[int]) -> np.ndarray:
    """Ids that tell pictures apart: their placeholders are all alike."""
    marks = np.array(document.tokens.ids)
    for (_, first, num_tokens), number in zip(document.shown, pictures, strict=True):
        marks[first : first + num_tokens] = -1 - number
    return marks


def _cut(path: Path, num_tokens: int) -> Path:
    """The first tokens of a path."""
    kept = []
    for stretch, length in path:
        if num_tokens > 0 and length:
            kept.append((stretch, min(length, num_tokens)))
        num_tokens -= length
    return tuple(kept)
