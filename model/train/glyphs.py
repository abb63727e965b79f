"""Dense reading: every patch says which characters have their centre in it.

A caption or a pointer teaches reading slowly, since glyphs and places must be learned
at once; these labels give each patch its own answer. A patch has a few slots, filled
line by line from the left, the rest "nothing".

Shapes: N patches, S slots, K kinds of character.
"""

import string
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.moonvit import Grid
from model.train.samples import Label

SLOTS = 4
"""A 14 pixel patch holds two or three glyphs of 10 pixel text, four narrow ones."""

ALPHABET = string.ascii_letters + string.digits + string.punctuation
NOTHING, OTHER = 0, 1
NUM_KINDS = len(ALPHABET) + 2
_KIND = {character: index + 2 for index, character in enumerate(ALPHABET)}


def glyph_labels(characters: Sequence[Label], grid: Grid, patch_size: int) -> np.ndarray:
    """Kinds of the glyphs in each patch, [N, S] int64, in reading order."""
    inside: dict[int, list[Label]] = {}
    for label in characters:
        x, y = label.center
        column, row = int(x // patch_size), int(y // patch_size)
        if 0 <= column < grid.width and 0 <= row < grid.height:
            inside.setdefault(row * grid.width + column, []).append(label)
    labels = np.full((grid.num_patches, SLOTS), NOTHING, dtype=np.int64)
    for patch, found in inside.items():
        for slot, label in enumerate(_in_reading_order(found)[:SLOTS]):
            labels[patch, slot] = _KIND.get(label.text, OTHER)
    return labels


def _in_reading_order(labels: list[Label]) -> list[Label]:
    """Left to right, and a line below after the line above: lines differ by half a glyph."""
    by_top = sorted(labels, key=lambda label: label.center[1])
    ordered, line = [], [by_top[0]]
    for label in by_top[1:]:
        if label.center[1] - line[0].center[1] > (label.bottom - label.top) / 2:
            ordered += sorted(line, key=lambda one: one.left)
            line = []
        line.append(label)
    return ordered + sorted(line, key=lambda one: one.left)


class GlyphScore(NamedTuple):
    loss: Tensor
    """The sum over the slots, weighed by `glyph_weights`."""
    hits: int
    tried: int
    """Slots that hold a character."""


def glyph_weights(labels: Tensor) -> Tensor:
    """Most slots are empty: they count for less, or "nothing" is all that is learned."""
    return torch.where(labels == NOTHING, 0.1, 1.0)


class GlyphHead(nn.Module):
    """Used in training only; not part of the checkpoint."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.read = nn.Linear(dim, SLOTS * NUM_KINDS)

    def forward(self, patches_NC: Tensor, labels_NS: Tensor) -> GlyphScore:
        logits = self.read(patches_NC).float().view(-1, NUM_KINDS)
        labels = labels_NS.flatten()
        losses = F.cross_entropy(logits, labels, reduction="none")
        written = labels != NOTHING
        right = (logits.argmax(-1) == labels)[written]
        return GlyphScore((losses * glyph_weights(labels)).sum(), int(right.sum()), len(right))
