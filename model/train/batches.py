"""Documents beside one another: padded, a row each, or packed, all in one row.

A packed row wastes nothing: its documents do not see one another, each counts its positions from
its own start, and its loss is the sum of theirs. What they begin with alike is in it once, and so
is every picture (`model.train.trunks`).

Shapes: B rows, T tokens, N patches of all pictures, P learned tokens, S glyph slots,
V vocabulary.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from model.attention import Stretch
from model.kimi_vl import KimiVL
from model.moonvit import Grid
from model.train.documents import Copy, Document, Pointer
from model.train.glyphs import SLOTS
from model.train.samples import Label
from model.train.trunks import Album, Trunks


class Learned(NamedTuple):
    """What is to be predicted, document after document; two may learn at one place."""

    places_P: Tensor
    """Of the tokens it comes after: among those asked about, or in all rows one after another."""
    targets_P: Tensor
    """Ids."""
    is_coordinate_P: Tensor
    """Whether it is a decimal group of a point."""


class Use(NamedTuple):
    """A picture in a document."""

    picture: int
    """Of the batch's."""
    labels: Sequence[Label]
    """Its glyphs; empty where nobody read it."""
    is_labelled: bool


@dataclass(frozen=True, slots=True)
class Batch:
    input_ids_BT: Tensor
    learned: Learned
    pixel_values: Tensor | None
    """Every picture once; None: no row has one."""
    grids: list[Grid]
    """Of each picture."""
    shown: list[int]
    """The picture of each run of placeholders."""
    uses: list[Use]
    """The pictures of every document."""
    glyphs_NS: Tensor
    """Of the labelled uses, one after another."""
    pointers: list[Pointer]
    looks: list[Pointer]
    copies: list[Copy]
    """Rows of these three are documents, positions those within them."""
    places: list[np.ndarray]
    """Of each document's tokens, in the rows one after another."""
    stretches: tuple[Stretch, ...] | None
    """What a packed row is made of; None: a row is a document."""
    asked_Q: Tensor | None
    """Places of the tokens of a packed row after which something is learned; None: rows are
    computed whole."""
    num_tokens: int
    """Of all documents, what they share counted in each; padding not."""

    def to(self, device: torch.device) -> "Batch":
        if device.type == "cpu":
            return self
        pixels = self.pixel_values
        return replace(
            self,
            input_ids_BT=self.input_ids_BT.to(device),
            learned=Learned(*(part.to(device) for part in self.learned)),
            asked_Q=None if self.asked_Q is None else self.asked_Q.to(device),
            pixel_values=None if pixels is None else pixels.to(device),
            glyphs_NS=self.glyphs_NS.to(device),
        )


def logits_of(network: KimiVL, batch: Batch, embedded_BTD: Tensor) -> Tensor:
    """Of what is to be predicted, [P, V] float32."""
    hidden = network.hidden(embedded_BTD, stretches=batch.stretches, asked_Q=batch.asked_Q)
    return network.language_model.lm_head(hidden.flatten(0, 1)[batch.learned.places_P]).float()


def padded(documents: Sequence[Document]) -> Batch:
    """A row each, padded on the right with 0."""
    longest = max(document.num_tokens for document in documents)
    ids = torch.zeros(len(documents), longest, dtype=torch.int64)
    album = Album(shares=False)
    places, pictures = [], []
    for row, document in enumerate(documents):
        ids[row, : document.num_tokens] = torch.tensor(document.tokens.ids)
        places.append(np.arange(document.num_tokens) + row * longest)
        pictures.append(album.add(document))
    shown = [number for numbers in pictures for number in numbers]
    return _batch(documents, ids, album, pictures, shown, places, None)


MOST_SHARED = 8
"""Times its length a row may stand for: documents that are all alike would never fill it."""


def packed(
    documents: Iterable[Document], *, num_tokens: int | None = None, shares: bool = True
) -> Batch:
    """One row, in which what documents begin with alike stands once, and every picture.

    Args:
        num_tokens: documents are taken until the row has so many, the last one whole; None: all.
        shares: else every document is there for itself.
    """
    row = Trunks(shares=shares)
    for document in documents:
        row.add(document)
        whole = sum(each.num_tokens for each in row.documents)
        if num_tokens and (len(row.ids) >= num_tokens or whole >= MOST_SHARED * num_tokens):
            break
    ids = torch.tensor([row.ids])
    return _batch(
        row.documents, ids, row.album, row.pictures, row.shown, row.places, tuple(row.stretches)
    )


def _batch(
    documents: Sequence[Document],
    ids: Tensor,
    album: Album,
    pictures: Sequence[Sequence[int]],
    shown: list[int],
    places: list[np.ndarray],
    stretches: tuple[Stretch, ...] | None,
) -> Batch:
    """
    Args:
        pictures: of each document.
        shown: at each run of placeholders.
    """
    uses = [
        Use(picture, document.labels if is_last else (), is_last and document.glyphs_NS is not None)
        for document, numbers in zip(documents, pictures, strict=True)
        for picture, is_last in _with_last(numbers)
    ]
    learned, asked_Q = _learned(documents, places), None
    if stretches is not None:
        asked_Q, among_P = learned.places_P.unique(return_inverse=True)
        learned = learned._replace(places_P=among_P)
    pixels = [picture.pixels_N3PP for picture in album.pictures]
    known = [document.glyphs_NS for document in documents if document.glyphs_NS is not None]
    return Batch(
        input_ids_BT=ids,
        learned=learned,
        pixel_values=torch.cat(pixels) if pixels else None,
        grids=[picture.grid for picture in album.pictures],
        shown=shown,
        uses=uses,
        glyphs_NS=torch.from_numpy(np.concatenate([np.empty((0, SLOTS), np.int64), *known])),
        pointers=[p._replace(row=row) for row, d in enumerate(documents) for p in d.pointers],
        looks=[look._replace(row=row) for row, d in enumerate(documents) for look in d.looks],
        copies=[copy._replace(row=row) for row, d in enumerate(documents) for copy in d.copies],
        places=places,
        stretches=stretches,
        asked_Q=asked_Q,
        num_tokens=sum(document.num_tokens for document in documents),
    )


def _with_last(pictures: Sequence[int]) -> Iterator[tuple[int, bool]]:
    """Only the last picture's glyphs are known."""
    for place, picture in enumerate(pictures, start=1):
        yield picture, place == len(pictures)


def _learned(documents: Sequence[Document], places: Sequence[np.ndarray]) -> Learned:
    """The successor of each token whose successor is learned."""
    before, targets, coordinates = [], [], []
    for document, place_D in zip(documents, places, strict=True):
        ids = np.array(document.tokens.ids)
        is_coordinate_D = np.zeros(len(ids), dtype=bool)
        is_coordinate_D[[pointer.position for pointer in document.pointers]] = True
        is_before = np.array(document.tokens.is_learned[1:], dtype=bool)
        before.append(place_D[:-1][is_before])
        targets.append(ids[1:][is_before])
        coordinates.append(is_coordinate_D[:-1][is_before])
    return Learned(*(torch.from_numpy(np.concatenate(p)) for p in (before, targets, coordinates)))
