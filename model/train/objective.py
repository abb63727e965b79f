"""What training minimises: the answers, the glyphs, and where the model looks.

Shapes: B conversations, T tokens, V vocabulary, N patches, P pointers.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.cache import causal_mask
from model.decoder import DecoderLayer
from model.kimi_vl import KimiVL
from model.mla import MultiHeadLatentAttention
from model.rope import text_angles
from model.train.batches import NO_LOSS, Batch
from model.train.glyphs import GlyphHead, GlyphScore
from model.train.vocabulary import FIRST_PAIR_OF_DIGITS

POINTING_HEAD, COPYING_HEAD = 0, 1
"""Of the pointing layer: the one is taught to look at the point the answer names, the other
at the token of the prompt that the answer repeats. Left alone, both take far longer to form."""

COORDINATE_WEIGHT = 8.0
"""Two of forty tokens say where to click, and the others are soon known."""

NEIGHBOUR_SIGMA = 1.0
"""Hundredths: an answer of 0.51 where 0.52 was meant is nearly right, and is told so."""


class Losses(NamedTuple):
    answer: Tensor
    glyphs: Tensor
    pointer: Tensor
    copy: Tensor
    glyph_accuracy: float
    pointer_accuracy: float = 0.0
    copy_accuracy: float = 0.0
    token_accuracy: float = 0.0


class Objective(nn.Module):
    """The network with the parts that only training needs."""

    def __init__(self, network: KimiVL, *, pointer_layer: int) -> None:
        super().__init__()
        self.network = network
        self.glyph_head = GlyphHead(network.config.vision.hidden_size)
        self.pointer_layer = pointer_layer
        self._attention_input: Tensor | None = None
        self._pointing_attention().register_forward_pre_hook(self._keep_input)

    def _pointing_attention(self) -> MultiHeadLatentAttention:
        layer = self.network.language_model.model.layers[self.pointer_layer]
        assert isinstance(layer, DecoderLayer)
        return layer.self_attn

    def _keep_input(self, _module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        self._attention_input = inputs[0]

    def read_only(self, batch: Batch) -> Losses:
        """The glyphs alone: the decoder is not run."""
        patches_NC = self._patches(batch)
        nothing = patches_NC.new_zeros(())
        score = self.glyph_head(patches_NC, batch.glyphs_NS)
        return Losses(nothing, score.loss, nothing, nothing, score.accuracy)

    def forward(self, batch: Batch) -> Losses:
        features, (glyphs, glyph_accuracy) = None, self._nothing_read()
        if batch.pixel_values is not None:
            patches_NC = self._patches(batch)
            features = self.network.project(patches_NC, batch.grids)
            labelled = batch.glyphs_NS[:, 0] != NO_LOSS
            if labelled.any():
                glyphs, glyph_accuracy = self.glyph_head(
                    patches_NC[labelled], batch.glyphs_NS[labelled]
                )
        hidden = self.network.hidden(self.network.merge(batch.input_ids_BT, features))
        learned = batch.targets_BT != NO_LOSS
        targets = batch.targets_BT[learned]
        logits = self.network.language_model.lm_head(hidden[learned]).float()
        is_coordinate = torch.zeros_like(learned)
        for row, position, _ in batch.pointers:
            is_coordinate[row, position] = True
        weights = torch.where(is_coordinate[learned], COORDINATE_WEIGHT, 1.0)
        answer = (answer_loss(logits, targets, is_coordinate[learned]) * weights).sum()
        answer = answer / weights.sum()
        looks = self._where_looked(batch)
        token_accuracy = float((logits.argmax(-1) == targets).float().mean())
        return Losses(
            answer=answer,
            glyphs=glyphs,
            pointer=looks.pointer,
            copy=looks.copy,
            glyph_accuracy=glyph_accuracy,
            pointer_accuracy=looks.pointer_accuracy,
            copy_accuracy=looks.copy_accuracy,
            token_accuracy=token_accuracy,
        )

    def _nothing_read(self) -> GlyphScore:
        return GlyphScore(self.glyph_head.read.weight.new_zeros(()), 0.0)

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
        num_tokens = x_BTD.shape[1]
        angles = text_angles(torch.arange(num_tokens), text.qk_rope_head_dim, text.rope_theta)
        cos, sin = angles.cos().to(x_BTD.dtype), angles.sin().to(x_BTD.dtype)
        queries = torch.cat(attention.queries(x_BTD, cos, sin), dim=-1)
        keys, _ = attention.keys_and_values(attention.entries(x_BTD, cos, sin))
        hidden_TK = ~causal_mask(num_tokens, 0, x_BTD.device)
        losses, hits = [], []
        for head, goals in ((POINTING_HEAD, batch.looks), (COPYING_HEAD, batch.copies)):
            if not goals:
                losses.append(x_BTD.new_zeros(()))
                hits.append(0.0)
                continue
            rows, positions, targets = (torch.tensor(part) for part in zip(*goals, strict=True))
            scores_BTK = queries[:, :, head] @ keys[:, :, head].transpose(1, 2)
            scores_BTK = (scores_BTK * attention.scale).masked_fill(hidden_TK, float("-inf"))
            scores_PK = scores_BTK[rows, positions].float()
            losses.append(F.cross_entropy(scores_PK, targets))
            hits.append(float((scores_PK.argmax(-1) == targets).float().mean()))
        return Looks(losses[0], losses[1], hits[0], hits[1])


class Looks(NamedTuple):
    pointer: Tensor
    copy: Tensor
    pointer_accuracy: float
    copy_accuracy: float


def answer_loss(logits_PV: Tensor, targets_P: Tensor, is_coordinate_P: Tensor) -> Tensor:
    """Cross-entropy a token, [P]; decimals of coordinates share a little with their neighbours."""
    log_probs = logits_PV.log_softmax(-1)
    losses = -log_probs.gather(-1, targets_P[:, None]).squeeze(-1)
    if not is_coordinate_P.any():
        return losses
    centers = (targets_P[is_coordinate_P] - FIRST_PAIR_OF_DIGITS).float()
    offsets = torch.arange(100.0)[None, :] - centers[:, None]
    soft = torch.softmax(-(offsets**2) / (2 * NEIGHBOUR_SIGMA**2), dim=-1)
    digits = log_probs[is_coordinate_P, FIRST_PAIR_OF_DIGITS : FIRST_PAIR_OF_DIGITS + 100]
    return losses.masked_scatter(is_coordinate_P, -(soft * digits).sum(-1))
