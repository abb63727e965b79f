"""The text tower: embeddings, layers of latent attention and experts, the head.

Shapes: B batch, T tokens, D model width.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from model.attention import Asked, Stretch
from model.cache import LatentCache, Remembers, causal_mask, padded_mask
from model.config import TextConfig
from model.mla import MultiHeadLatentAttention
from model.moe import GatedMLP, MixtureOfExperts
from model.rope import text_angles


class DecoderLayer(nn.Module):
    def __init__(self, config: TextConfig, index: int) -> None:
        super().__init__()
        self.index = index
        self.checkpointed = False
        """In training: computed again in the backward pass instead of being remembered."""
        self.few: Callable[..., Tensor | None] | None = None
        """Of a quantized network: all of this for a few new tokens in one call, given what
        `_layer` is but stretches. None back: it cannot, these parts must."""
        dim = config.hidden_size
        self.input_layernorm = nn.RMSNorm(dim, eps=config.rms_norm_eps)
        self.self_attn = MultiHeadLatentAttention(config)
        self.post_attention_layernorm = nn.RMSNorm(dim, eps=config.rms_norm_eps)
        self.mlp: nn.Module = (
            GatedMLP(dim, config.intermediate_size)
            if index < config.first_k_dense_replace
            else MixtureOfExperts(config)
        )

    def forward(
        self,
        x_BTD: Tensor,
        cos_TP: Tensor,
        sin_TP: Tensor,
        visible_TK: Tensor | None,
        cache: Remembers | None,
        stretches: Sequence[Stretch] | None = None,
        asked: Asked | None = None,
    ) -> Tensor:
        """
        Args:
            asked: of a packed row, the tokens that come out; the others are only seen by them.
        """
        given = (x_BTD, cos_TP, sin_TP, visible_TK, cache, stretches, asked)
        if self.checkpointed and torch.is_grad_enabled():
            again: Tensor = checkpoint(self._layer, *given, use_reentrant=False)
            return again
        return self._layer(*given)

    def _layer(
        self,
        x_BTD: Tensor,
        cos_TP: Tensor,
        sin_TP: Tensor,
        visible_TK: Tensor | None,
        cache: Remembers | None,
        stretches: Sequence[Stretch] | None,
        asked: Asked | None,
    ) -> Tensor:
        if self.few is not None and stretches is None:
            done_BTD = self.few(x_BTD, cos_TP, sin_TP, visible_TK, cache)
            if done_BTD is not None:
                return done_BTD
        mixed_BTD = self.self_attn(
            self.input_layernorm(x_BTD),
            cos_TP,
            sin_TP,
            visible_TK,
            cache,
            self.index,
            stretches,
            asked,
        )
        x_BTD = (x_BTD if asked is None else x_BTD[:, asked.places_Q]) + mixed_BTD
        return x_BTD + self.mlp(self.post_attention_layernorm(x_BTD))


class Transformer(nn.Module):
    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.rope_dim, self.rope_theta = config.qk_rope_head_dim, config.rope_theta
        # Not drawn: torch needs 1.5 s of imports to draw an embedding that is never stored
        # (on the meta device, as when loading), and training draws its own.
        self.embed_tokens = nn.Embedding.from_pretrained(
            torch.empty(config.vocab_size, config.hidden_size), freeze=False
        )
        self.layers = nn.ModuleList(
            DecoderLayer(config, index) for index in range(config.num_hidden_layers)
        )
        self.norm = nn.RMSNorm(config.hidden_size, eps=config.rms_norm_eps)

    def forward(
        self,
        x_BTD: Tensor,
        cache: LatentCache | None = None,
        attention_mask_BK: Tensor | None = None,
        stretches: Sequence[Stretch] | None = None,
        asked_Q: Tensor | None = None,
    ) -> Tensor:
        """Hidden states after the last norm; with a cache, of the new tokens only.

        Args:
            attention_mask_BK: 1 at tokens and 0 at padding, of the past and the new ones; rows
                may be padded on either side. None: nothing is padded.
            stretches: what a packed row is made of, for training; each has positions of its own and
                sees its past, and no other stretch. Not with a cache or a mask.
            asked_Q: places in that row, in their order, whose hidden states are wanted; the last
                layer then does without the others' queries and experts. None: all.
        """
        num_past, num_new = (cache.length if cache else 0), x_BTD.shape[1]
        visible_TK = None
        if stretches is not None:
            positions = positions_of(stretches, x_BTD.device)
        elif attention_mask_BK is None:
            positions = torch.arange(num_past, num_past + num_new, device=x_BTD.device)
            visible_TK = causal_mask(num_new, num_past, x_BTD.device)
        else:
            positions = (attention_mask_BK.long().cumsum(-1) - 1).clamp(min=0)[:, -num_new:]
            visible_TK = padded_mask(attention_mask_BK, num_new)
        angles = text_angles(positions, self.rope_dim, self.rope_theta)
        # As the public code: angles in float32, their cosines in the model's dtype.
        cos_TP, sin_TP = angles.cos().to(x_BTD.dtype), angles.sin().to(x_BTD.dtype)
        asked = None
        if stretches is not None and asked_Q is not None:
            asked = Asked.of(asked_Q, stretches)
        for layer in self.layers[:-1]:
            x_BTD = layer(x_BTD, cos_TP, sin_TP, visible_TK, cache, stretches)
        x_BTD = self.layers[-1](x_BTD, cos_TP, sin_TP, visible_TK, cache, stretches, asked)
        return self.norm(x_BTD)


def positions_of(stretches: Sequence[Stretch], device: torch.device) -> Tensor:
    """Of every token in its document, [T]."""
    ranges = [torch.arange(each.start, each.start + each.length) for each in stretches]
    return torch.cat(ranges).to(device)


class Decoder(nn.Module):
    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.model = Transformer(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
