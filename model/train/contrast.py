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
        words, places = [], []
        start = 0
        for grid, glyphs in zip(grids, labels, strict=True):
            for word in words_of(glyphs)[:MOST_WORDS]:
                inside = [start + patch for patch in self._patches_of(word, grid)]
                if inside:
                    words.append(word.text)
                    places.append(patches_NC[inside].mean(0))
            start += grid.num_patches
        if not words:
            return patches_NC.new_zeros(())
        shown_WD = F.normalize(self.look(torch.stack(places)).float(), dim=-1)
        named_WD = F.normalize(self._named(words).float(), dim=-1)
        logits_WW = shown_WD @ named_WD.T * self.scale.float().exp() + self.bias.float()
        same_WW = torch.tensor([[1.0 if a == b else -1.0 for b in words] for a in words])
        return -F.logsigmoid(same_WW * logits_WW).sum() / len(words)

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
        sizes = [len(code) for code in codes]
        letters = self.letters(torch.tensor([code for word in codes for code in word]))
        return self.spell(torch.stack([part.mean(0) for part in letters.split(sizes)]))
