"""What training minimises: the answers, the glyphs, and where the model looks.

Every loss is a mean over what there is to learn from. The mean may run over more than one
batch (several packed sequences, several processes): `over` says how much there is in all,
and the losses of the parts add up to that of the whole.

Shapes: B rows, T tokens, V vocabulary, N patches, P positions.
"""

from collections.abc import Sequence
from typing import NamedTuple, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.attention import Stretch
from model.decoder import DecoderLayer, positions_of
from model.kimi_vl import KimiVL
from model.mla import MultiHeadLatentAttention
from model.rope import text_angles
from model.train.batches import Batch, Use, logits_of
from model.train.contrast import WordContrast
from model.train.glyphs import GlyphHead, GlyphScore, glyph_weights
from model.train.vocabulary import FIRST_PAIR_OF_DIGITS

POINTING_HEAD, COPYING_HEAD = 0, 1
"""Of the pointing layer: the one is taught to look at the point the answer names, the other
at the token of the prompt that the answer repeats. Left alone, both take far longer to form."""

COORDINATE_WEIGHT = 8.0
"""Two of forty tokens say where to click, and the others are soon known."""

NEIGHBOUR_SIGMA = 1.0
"""Hundredths: an answer of 0.51 where 0.52 was meant is nearly right, and is told so."""


class Amounts(NamedTuple):
    """How much there is to learn from: what each loss is a mean over."""

    answer: float
    glyphs: float
    pointer: float
    copy: float
    batches: float
    """The contrast is a mean of every batch's own."""

    @classmethod
    def of(cls, batch: Batch) -> Self:
        coordinates = int(batch.learned.is_coordinate_P.sum())
        return cls(
            answer=len(batch.learned.targets_P) + (COORDINATE_WEIGHT - 1.0) * coordinates,
            glyphs=float(glyph_weights(batch.glyphs_NS).sum()),
            pointer=len(batch.looks),
            copy=len(batch.copies),
            batches=1,
        )


class Losses(NamedTuple):
    answer: Tensor
    glyphs: Tensor
    pointer: Tensor
    copy: Tensor
    contrast: Tensor
    hits: Tensor
    """[4]: how many tokens, glyphs, points and copies were right."""
    tried: Tensor
    """[4]: of how many."""


SCORES = ("token_accuracy", "glyph_accuracy", "pointer_accuracy", "copy_accuracy")
"""What `hits` over `tried` is."""


class Objective(nn.Module):
    """The network with the parts that only training needs."""

    def __init__(
        self,
        network: KimiVL,
        *,
        pointer_layer: int,
        contrasts: bool = False,
        reads: bool = True,
        looks: bool = True,
    ) -> None:
        """
        Args:
            reads, looks: whether the glyphs' loss and that of the heads of attention are learned
                from; else both are only told, and nothing is kept for their gradients.
        """
        super().__init__()
        self._reads, self._looks = reads, looks
        self.network = network
        vision = network.config.vision
        self.glyph_head = GlyphHead(vision.hidden_size)
        self.contrast = WordContrast(vision.hidden_size, vision.patch_size) if contrasts else None
        self.pointer_layer = pointer_layer
        self._attention_input: Tensor | None = None
        self._pointing_attention().register_forward_pre_hook(self._keep_input)

    def _pointing_attention(self) -> MultiHeadLatentAttention:
        layer = self.network.language_model.model.layers[self.pointer_layer]
        assert isinstance(layer, DecoderLayer)
        return layer.self_attn

    def _keep_input(self, _module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        self._attention_input = inputs[0]

    def read_only(self, batch: Batch, over: Amounts | None = None) -> Losses:
        """What is written in the pictures: the decoder is not run."""
        over = over or Amounts.of(batch)
        patches_NC = self._patches(batch)
        nothing = patches_NC.new_zeros(())
        read = self._read(patches_NC, batch)
        contrast = nothing
        if self.contrast is not None:
            apart_NC = self._of_uses(patches_NC, batch, batch.uses)
            grids = [batch.grids[use.picture] for use in batch.uses]
            labels = [use.labels for use in batch.uses]
            contrast = self.contrast(apart_NC, grids, labels) / over.batches
        return Losses(
            answer=nothing,
            glyphs=_mean(read.loss, over.glyphs),
            pointer=nothing,
            copy=nothing,
            contrast=contrast,
            hits=torch.tensor([0.0, read.hits, 0.0, 0.0]),
            tried=torch.tensor([0.0, read.tried, 0.0, 0.0]),
        )

    def forward(self, batch: Batch, over: Amounts | None = None) -> Losses:
        """
        Args:
            over: what the losses are means over; this batch alone if not given.
        """
        over = over or Amounts.of(batch)
        features, read = None, GlyphScore(self.glyph_head.read.weight.new_zeros(()), 0, 0)
        if batch.pixel_values is not None:
            patches_NC = self._patches(batch)
            features = self.network.project(patches_NC, batch.grids, batch.shown)
            with torch.set_grad_enabled(self._reads and torch.is_grad_enabled()):
                read = self._read(patches_NC, batch)
        embedded = self.network.merge(batch.input_ids_BT, features)
        _, targets_P, is_coordinate_P = batch.learned
        logits = logits_of(self.network, batch, embedded)
        weights = torch.where(is_coordinate_P, COORDINATE_WEIGHT, 1.0)
        answer = (answer_loss(logits, targets_P, is_coordinate_P) * weights).sum()
        with torch.set_grad_enabled(self._looks and torch.is_grad_enabled()):
            looks = self._where_looked(batch)
        right = int((logits.argmax(-1) == targets_P).sum())
        return Losses(
            answer=_mean(answer, over.answer),
            glyphs=_mean(read.loss, over.glyphs),
            pointer=_mean(looks.pointer, over.pointer),
            copy=_mean(looks.copy, over.copy),
            contrast=answer.new_zeros(()),
            hits=torch.tensor([right, read.hits, looks.pointer_hits, looks.copy_hits]),
            tried=torch.tensor([len(targets_P), read.tried, len(batch.looks), len(batch.copies)]),
        )

    def _read(self, patches_NC: Tensor, batch: Batch) -> GlyphScore:
        """The sum over the patches of labelled pictures, of one shown twice twice."""
        labelled = [use for use in batch.uses if use.is_labelled]
        if not labelled:
            return GlyphScore(patches_NC.new_zeros(()), 0, 0)
        score: GlyphScore = self.glyph_head(
            self._of_uses(patches_NC, batch, labelled), batch.glyphs_NS
        )
        return score

    def _of_uses(self, patches_NC: Tensor, batch: Batch, uses: Sequence[Use]) -> Tensor:
        """Patches of the pictures that are used, one after another."""
        pictures = patches_NC.split([grid.num_patches for grid in batch.grids])
        return torch.cat([pictures[use.picture] for use in uses])

    def _patches(self, batch: Batch) -> Tensor:
        assert batch.pixel_values is not None, "a batch of text has no patches"
        pixels = batch.pixel_values.to(self.glyph_head.read.weight.dtype)
        return self.network.vision_tower(pixels, batch.grids)

    def _where_looked(self, batch: Batch) -> "Looks":
        """How far two heads of attention look where they should: at the point, at the source."""
        x_BTD, self._attention_input = self._attention_input, None
        assert x_BTD is not None, "the decoder did not run"
        attention = self._pointing_attention()
        text = self.network.config.text
        device = x_BTD.device
        stretches = batch.stretches or (Stretch(x_BTD.shape[1]),)
        positions = positions_of(stretches, device)
        angles = text_angles(positions, text.qk_rope_head_dim, text.rope_theta)
        cos, sin = angles.cos().to(x_BTD.dtype), angles.sin().to(x_BTD.dtype)
        queries = torch.cat(attention.queries(x_BTD, cos, sin), dim=-1).flatten(0, 1)
        keys = attention.keys_and_values(attention.entries(x_BTD, cos, sin))[0].flatten(0, 1)
        found = []
        for head, goals in ((POINTING_HEAD, batch.looks), (COPYING_HEAD, batch.copies)):
            total = x_BTD.new_zeros((), dtype=torch.float32)
            hits = torch.zeros((), dtype=torch.int64, device=device)
            asked = _by_document(goals)
            places = [torch.from_numpy(batch.places[row]).to(device) for row in asked]
            for (here, wanted), place_K in zip(asked.values(), places, strict=True):
                here_P = torch.tensor(here, device=device)
                wanted_P = torch.tensor(wanted, device=device)
                scores_PK = queries[place_K[here_P], head] @ keys[place_K, head].T
                ahead_PK = torch.arange(len(place_K), device=device) > here_P[:, None]
                scores_PK = (scores_PK * attention.scale).masked_fill(ahead_PK, float("-inf"))
                total = total + F.cross_entropy(scores_PK.float(), wanted_P, reduction="sum")
                hits += (scores_PK.argmax(-1) == wanted_P).sum()
            found.append((total, int(hits)))
        (pointer, pointer_hits), (copy, copy_hits) = found
        return Looks(pointer, copy, pointer_hits, copy_hits)


class Looks(NamedTuple):
    pointer: Tensor
    copy: Tensor
    pointer_hits: int
    copy_hits: int


def _by_document(
    goals: Sequence[tuple[int, int, int]],
) -> dict[int, tuple[list[int], list[int]]]:
    """Positions and goals of each document that has any."""
    found: dict[int, tuple[list[int], list[int]]] = {}
    for row, position, goal in goals:
        here, wanted = found.setdefault(row, ([], []))
        here.append(position)
        wanted.append(goal)
    return found


def _mean(total: Tensor, amount: float) -> Tensor:
    return total / amount if amount else total


def answer_loss(logits_PV: Tensor, targets_P: Tensor, is_coordinate_P: Tensor) -> Tensor:
    """Cross-entropy a token, [P]; decimals of coordinates share a little with their neighbours."""
    log_probs = logits_PV.log_softmax(-1)
    losses = -log_probs.gather(-1, targets_P[:, None]).squeeze(-1)
    if not is_coordinate_P.any():
        return losses
    centers = (targets_P[is_coordinate_P] - FIRST_PAIR_OF_DIGITS).float()
    offsets = torch.arange(100.0, device=centers.device)[None, :] - centers[:, None]
    soft = torch.softmax(-(offsets**2) / (2 * NEIGHBOUR_SIGMA**2), dim=-1)
    digits = log_probs[is_coordinate_P, FIRST_PAIR_OF_DIGITS : FIRST_PAIR_OF_DIGITS + 100]
    return losses.masked_scatter(is_coordinate_P, -(soft * digits).sum(-1))
