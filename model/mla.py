"""Multi-head latent attention (DeepSeek-V2/V3, without the query's low rank, as in Kimi-VL).

Keys and values come from one latent per token; a small rotary key, shared by the heads,
carries the position. Prefill expands the latent to heads. Decoding leaves it as it is
and moves the expansion to the query and to the output ("absorbed"), so that a step reads
the latents only.

Shapes: B batch, T new tokens, K keys, H heads, N channels without and P with rotation,
V value channels, R latent rank, D model width.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from model.attention import Asked, Stretch, attend, attend_stretches
from model.cache import Remembers
from model.config import TextConfig
from model.rope import rotate

if TYPE_CHECKING:
    from model.kernels.contract import Kernels

LATENT_NORM_EPS = 1e-6
"""The public code leaves this one norm at its default; all others use 1e-5."""

MOST_ABSORBED = 16
"""New tokens. For more, expanding every latent once is less work than attending over latents,
which are several times as wide as a head."""


class MultiHeadLatentAttention(nn.Module):
    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.num_heads = config.num_attention_heads
        self.rank = config.kv_lora_rank
        self.nope_dim = config.qk_nope_head_dim
        self.rope_dim = config.qk_rope_head_dim
        self.value_dim = config.v_head_dim
        self.scale = config.qk_head_dim**-0.5
        self.kernels: Kernels | None = None
        """Of a quantized network, for what they have of attention."""
        dim, heads = config.hidden_size, config.num_attention_heads
        self.q_proj = nn.Linear(dim, heads * config.qk_head_dim, bias=False)
        self.kv_a_proj_with_mqa = nn.Linear(dim, self.rank + self.rope_dim, bias=False)
        self.kv_a_layernorm = nn.RMSNorm(self.rank, eps=LATENT_NORM_EPS)
        self.kv_b_proj = nn.Linear(self.rank, heads * (self.nope_dim + self.value_dim), bias=False)
        self.o_proj = nn.Linear(heads * self.value_dim, dim, bias=False)

    def forward(
        self,
        x_BTD: Tensor,
        cos_TP: Tensor,
        sin_TP: Tensor,
        visible_TK: Tensor | None,
        cache: Remembers | None = None,
        layer: int = 0,
        stretches: Sequence[Stretch] | None = None,
        asked: Asked | None = None,
    ) -> Tensor:
        """
        Args:
            asked: of a packed row, the tokens to mix for; None: all.
        """
        if asked is None:
            q_nope, q_rope = self.queries(x_BTD, cos_TP, sin_TP)
        else:
            places = asked.places_Q
            q_nope, q_rope = self.queries(x_BTD[:, places], cos_TP[places], sin_TP[places])
        entries_BKR = self.entries(x_BTD, cos_TP, sin_TP)
        if cache is not None:
            entries_BKR = cache.append(layer, entries_BKR)
        if cache is not None and visible_TK is not None and x_BTD.shape[1] <= MOST_ABSORBED:
            fused_BTE = self._fused(q_nope, q_rope, entries_BKR, visible_TK)
            if fused_BTE is not None:
                return self.o_proj(fused_BTE)
            mixed_BTHV = self._absorbed(q_nope, q_rope, entries_BKR, visible_TK)
        else:
            mixed_BTHV = self._expanded(q_nope, q_rope, entries_BKR, visible_TK, stretches, asked)
        return self.o_proj(mixed_BTHV.flatten(2))

    def queries(self, x_BTD: Tensor, cos_TP: Tensor, sin_TP: Tensor) -> tuple[Tensor, Tensor]:
        """The two parts of the queries, [B, T, H, N] and (rotated) [B, T, H, P]."""
        query = self.q_proj(x_BTD).unflatten(-1, (self.num_heads, -1))
        q_nope, q_rope = query.split([self.nope_dim, self.rope_dim], dim=-1)
        return q_nope, rotate(q_rope, cos_TP, sin_TP)

    def entries(self, x_BTD: Tensor, cos_TP: Tensor, sin_TP: Tensor) -> Tensor:
        """What the cache keeps of each token: normalised latent, then rotated key, [B, T, R+P]."""
        latent, k_rope = self.kv_a_proj_with_mqa(x_BTD).split([self.rank, self.rope_dim], dim=-1)
        k_rope = rotate(k_rope.unsqueeze(-2), cos_TP, sin_TP).squeeze(-2)
        return torch.cat((self.kv_a_layernorm(latent), k_rope), dim=-1)

    def keys_and_values(self, entries_BKR: Tensor) -> tuple[Tensor, Tensor]:
        """Expanded to heads: keys [B, K, H, N+P], values [B, K, H, V]."""
        latent, k_rope = entries_BKR.split([self.rank, self.rope_dim], dim=-1)
        expanded = self.kv_b_proj(latent).unflatten(-1, (self.num_heads, -1))
        k_nope, value = expanded.split([self.nope_dim, self.value_dim], dim=-1)
        shared = k_rope.unsqueeze(-2).expand(-1, -1, self.num_heads, -1)
        return torch.cat((k_nope, shared), dim=-1), value

    def _expanded(
        self,
        q_nope: Tensor,
        q_rope: Tensor,
        entries_BKR: Tensor,
        visible_TK: Tensor | None,
        stretches: Sequence[Stretch] | None,
        asked: Asked | None,
    ) -> Tensor:
        key, value = (part.transpose(1, 2) for part in self.keys_and_values(entries_BKR))
        query = torch.cat((q_nope, q_rope), dim=-1).transpose(1, 2)
        if stretches is not None:
            mixed = attend_stretches(query, key, value, stretches, scale=self.scale, asked=asked)
        else:
            mixed = attend(query, key, value, scale=self.scale, visible_QK=visible_TK)
        return mixed.transpose(1, 2)

    def _fused(
        self, q_nope: Tensor, q_rope: Tensor, entries_BKR: Tensor, visible_TK: Tensor
    ) -> Tensor | None:
        """All of `_absorbed` in one call, where there is one: a single row without padding."""
        if self.kernels is None or not entries_BKR.is_cpu:
            return None
        if len(entries_BKR) > 1 or visible_TK.ndim > 2:
            return None
        query_THD = torch.cat((q_nope[0], q_rope[0]), dim=-1)
        mixed_TE = self.kernels.attend(
            query_THD, entries_BKR[0], self.kv_b_proj.weight, self.nope_dim, self.scale
        )
        return None if mixed_TE is None else mixed_TE.unsqueeze(0)

    def _absorbed(
        self, q_nope: Tensor, q_rope: Tensor, entries_BKR: Tensor, visible_TK: Tensor
    ) -> Tensor:
        """A few new tokens: nothing is expanded for those of the past."""
        latent = entries_BKR[..., : self.rank]
        up = self.kv_b_proj.weight.unflatten(0, (self.num_heads, -1))
        to_key_HNR, to_value_HVR = up.split([self.nope_dim, self.value_dim], dim=1)
        q_latent = torch.einsum("bthn,hnr->bhtr", q_nope, to_key_HNR)
        # All heads have the same keys: one product of H*T rows reads them once.
        query_BSR = torch.cat((q_latent, q_rope.transpose(1, 2)), dim=-1).flatten(1, 2)
        scores = (query_BSR @ entries_BKR.transpose(1, 2)).unflatten(1, (self.num_heads, -1))
        scores = (scores.float() * self.scale).masked_fill(~visible_TK, float("-inf"))
        weights = torch.softmax(scores, dim=-1).to(latent.dtype)
        mixed_BHTR = (weights.flatten(1, 2) @ latent).unflatten(1, (self.num_heads, -1))
        return torch.einsum("bhtr,hvr->bthv", mixed_BHTR, to_value_HVR)
