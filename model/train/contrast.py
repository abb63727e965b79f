"""SigLIP's loss on words: what a word's patches show should match the word and no other.

Every pair of a word and a place of the batch is a yes or a no of its own (a sigmoid, not a
softmax: https://arxiv.org/abs/2303.15343), so one batch of pages gives thousands of negatives,
across pages too. The words' side is a small table of which letter stands where; it and the two
projections are thrown away after training, as the paper's captioner is.

Shapes: N patches, C vision channels, W words of the batch, D channels of the comparison.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.moonvit import Grid
from model.train.questions import words_of
from model.train.samples import Label

DIM = 128
MOST_LETTERS = 12
MOST_WORDS = 24
"""Of one picture."""
FIRST_SCALE, FIRST_BIAS = math.log(10.0), -10.0
"""As SigLIP starts: almost every pair is a no."""


class WordContrast(nn.Module):
    """Used in training only; not part of the checkpoint."""

    def __init__(self, vision_dim: int, patch_size: int) -> None:
        super().__init__()
        self.patch_size = patch_size
        self.letters = nn.Embedding(256 * MOST_LETTERS, DIM)
        self.spell = nn.Linear(DIM, DIM)
        self.look = nn.Linear(vision_dim, DIM)
        self.scale = nn.Parameter(torch.tensor(FIRST_SCALE))
        self.bias = nn.Parameter(torch.tensor(FIRST_BIAS))

    def forward(
        self, patches_NC: Tensor, grids: Sequence[Grid], labels: Sequence[Sequence[Label]]
    ) -> Tensor:
        """Mean over the words; 0 without any.

        Args:
            labels: the glyphs of each picture.
        """
        words: list[str] = []
        places: list[list[int]] = []
        start = 0
        for grid, glyphs in zip(grids, labels, strict=True):
            for word in words_of(glyphs)[:MOST_WORDS]:
                inside = [start + patch for patch in self._patches_of(word, grid)]
                if inside:
                    words.append(word.text)
                    places.append(inside)
            start += grid.num_patches
        if not words:
            return patches_NC.new_zeros(())
        shown_WD = F.normalize(self.look(_means(patches_NC, places)).float(), dim=-1)
        named_WD = F.normalize(self._named(words).float(), dim=-1)
        logits_WW = shown_WD @ named_WD.T * self.scale.float().exp() + self.bias.float()
        numbers = {text: number for number, text in enumerate(dict.fromkeys(words))}
        word_W = torch.tensor([numbers[text] for text in words], device=logits_WW.device)
        signs_WW = torch.where(word_W[:, None] == word_W, 1.0, -1.0)
        return -F.logsigmoid(signs_WW * logits_WW).sum() / len(words)

    def _patches_of(self, word: Label, grid: Grid) -> list[int]:
        """Those the word's box touches."""
        size = self.patch_size
        last_row, last_column = int(word.bottom // size), int(word.right // size)
        rows = range(max(0, int(word.top // size)), min(grid.height, last_row + 1))
        columns = range(max(0, int(word.left // size)), min(grid.width, last_column + 1))
        return [row * grid.width + column for row in rows for column in columns]

    def _named(self, words: Sequence[str]) -> Tensor:
        codes = [
            [place * 256 + byte for place, byte in enumerate(word.encode()[:MOST_LETTERS])]
            for word in words
        ]
        return self.spell(_means(self.letters.weight, codes))


def _means(rows_NC: Tensor, groups: Sequence[Sequence[int]]) -> Tensor:
    """Of each group of rows, none of them empty: all groups in a few operations."""
    numbers = [row for group in groups for row in group]
    group_of = [index for index, group in enumerate(groups) for _ in group]
    sizes = [len(group) for group in groups]
    number_L, group_L = torch.tensor([numbers, group_of], device=rows_NC.device)
    sums = rows_NC.new_zeros(len(groups), rows_NC.shape[-1]).index_add(
        0, group_L, rows_NC.index_select(0, number_L)
    )
    return sums / torch.tensor(sizes, device=rows_NC.device, dtype=rows_NC.dtype)[:, None]
