"""Documents beside one another: padded, a row each, or packed, all in one row.

A packed row wastes nothing: its documents do not see one another, each counts its positions from
its own start (`lengths` says where they are), and its loss is the sum of theirs.

Shapes: B rows, T tokens, N patches, S glyph slots.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from model.moonvit import Grid
from model.train.documents import NO_LOSS, Copy, Document, Pointer, Tokens
from model.train.samples import Label


@dataclass(frozen=True, slots=True)
class Batch:
    input_ids_BT: Tensor
    targets_BT: Tensor
    """The id that should come next; `NO_LOSS` where nothing is learned."""
    pixel_values: Tensor | None
    """None: no row has a picture."""
    grids: list[Grid]
    glyphs_NS: Tensor
    """`NO_LOSS` for pictures without labels."""
    pointers: list[Pointer]
    looks: list[Pointer]
    copies: list[Copy]
    lengths: tuple[int, ...] | None
    """Tokens of each document of the one row; None: a row is a document."""
    labels: list[Sequence[Label]]
    """The glyphs of each picture of `grids`; empty where nobody read it."""

    def to(self, device: torch.device) -> "Batch":
        if device.type == "cpu":
            return self
        pixels = self.pixel_values
        return replace(
            self,
            input_ids_BT=self.input_ids_BT.to(device),
            targets_BT=self.targets_BT.to(device),
            pixel_values=None if pixels is None else pixels.to(device),
            glyphs_NS=self.glyphs_NS.to(device),
        )


def padded(documents: Sequence[Document]) -> Batch:
    """A row each, padded on the right with 0."""
    ids, targets = _rows([document.tokens for document in documents])
    return _batch(documents, ids, targets, [(row, 0) for row in range(len(documents))], None)


def packed(documents: Sequence[Document]) -> Batch:
    """One row, a document after another; what the last token of one predicts is nothing."""
    rows = [_rows([document.tokens]) for document in documents]
    ids, targets = (torch.cat(parts, dim=1) for parts in zip(*rows, strict=True))
    lengths = tuple(document.num_tokens for document in documents)
    starts = [sum(lengths[:index]) for index in range(len(lengths))]
    return _batch(documents, ids, targets, [(0, start) for start in starts], lengths)


def _batch(
    documents: Sequence[Document],
    ids: Tensor,
    targets: Tensor,
    places: Sequence[tuple[int, int]],
    lengths: tuple[int, ...] | None,
) -> Batch:
    """
    Args:
        places: row and first position of each document.
    """
    pixels = [d.pixel_values for d in documents if d.pixel_values is not None]
    placed = list(zip(documents, places, strict=True))
    return Batch(
        ids,
        targets,
        torch.cat(pixels) if pixels else None,
        [grid for document in documents for grid in document.grids],
        torch.from_numpy(np.concatenate([document.glyphs_NS for document in documents])),
        [_at(pointer, place) for document, place in placed for pointer in document.pointers],
        [_at(look, place) for document, place in placed for look in document.looks],
        [
            Copy(row, copy.position + start, copy.source + start)
            for document, (row, start) in placed
            for copy in document.copies
        ],
        lengths,
        [labels for document in documents for labels in _labels(document)],
    )


def _labels(document: Document) -> list[Sequence[Label]]:
    """Only the last picture's are known."""
    if not document.grids:
        return []
    return [*[()] * (len(document.grids) - 1), document.labels]


def _at(pointer: Pointer, place: tuple[int, int]) -> Pointer:
    row, start = place
    return Pointer(row, pointer.position + start, pointer.picture_token + start)


def _rows(rows: Sequence[Tokens]) -> tuple[Tensor, Tensor]:
    """Ids [B, T] padded with 0 and, for each, the id to predict next or `NO_LOSS`."""
    length = max(len(row.ids) for row in rows)
    ids = torch.zeros(len(rows), length, dtype=torch.int64)
    targets = torch.full((len(rows), length), NO_LOSS, dtype=torch.int64)
    for index, row in enumerate(rows):
        ids[index, : len(row.ids)] = torch.tensor(row.ids)
        learned = torch.tensor(row.is_learned[1:])
        targets[index, : len(row.ids) - 1][learned] = torch.tensor(row.ids[1:])[learned]
    return ids, targets
