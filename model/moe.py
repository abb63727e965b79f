"""Mixture of experts with DeepSeek-V3 routing: who computes a token, and how it is mixed.

The bias steers the choice of experts and nothing else: the weights that mix their
outputs come from the unbiased scores. Balance is kept by moving that bias toward the
experts that got too little (https://arxiv.org/abs/2408.15664), without an auxiliary loss.

Shapes: T tokens, D model width, E experts, K experts per token.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.config import TextConfig


class Routes(NamedTuple):
    weights_TK: Tensor
    """Mixing weights, float32; each row sums to the router's scale."""
    experts_TK: Tensor
    """Expert ids, int64, in no particular order."""


class Router(nn.Module):
    e_score_correction_bias: Tensor
    """Load-balancing nudge [E], learned outside the gradient; steers the choice only."""

    def __init__(self, dim: int, num_experts: int, top_k: int, scale: float) -> None:
        super().__init__()
        self.top_k = top_k
        self.scale = scale
        self.weight = nn.Parameter(torch.empty(num_experts, dim))
        self.register_buffer("e_score_correction_bias", torch.zeros(num_experts))

    def forward(self, x_TD: Tensor) -> Routes:
        # In bf16 close scores tie, and the tie would pick the expert.
        scores_TE = torch.sigmoid(x_TD.float() @ self.weight.float().T)
        choice_TE = scores_TE + self.e_score_correction_bias.float()
        experts_TK = choice_TE.topk(self.top_k, dim=-1, sorted=False).indices
        weights_TK = scores_TE.gather(-1, experts_TK)
        weights_TK = weights_TK / (weights_TK.sum(-1, keepdim=True) + 1e-20)
        return Routes(weights_TK * self.scale, experts_TK)


class GatedMLP(nn.Module):
    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(dim, hidden, bias=False)
        self.up_proj = nn.Linear(dim, hidden, bias=False)
        self.down_proj = nn.Linear(hidden, dim, bias=False)

    def forward(self, x_TD: Tensor) -> Tensor:
        return self.down_proj(F.silu(self.gate_proj(x_TD)) * self.up_proj(x_TD))


class MixtureOfExperts(nn.Module):
    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        dim, hidden = config.hidden_size, config.moe_intermediate_size
        self.all_take_part = False
        """Also experts without tokens are run: where weights are sharded over processes, each
        must have a gradient in all of them."""
        self.gate = Router(
            dim, config.n_routed_experts, config.num_experts_per_tok, config.routed_scaling_factor
        )
        self.experts = nn.ModuleList(GatedMLP(dim, hidden) for _ in range(config.n_routed_experts))
        self.shared_experts = GatedMLP(dim, hidden * config.n_shared_experts)

    def forward(self, x_BTD: Tensor) -> Tensor:
        x_TD = x_BTD.flatten(0, -2)
        routes = self.gate(x_TD)
        # Tokens sorted by expert: each expert then runs once over its own rows.
        order = routes.experts_TK.flatten().argsort(stable=True)
        token_of = order // self.gate.top_k
        counts = routes.experts_TK.flatten().bincount(minlength=len(self.experts)).tolist()
        outputs = [
            expert(rows)
            for expert, rows in zip(self.experts, x_TD[token_of].split(counts), strict=True)
            if len(rows) or self.all_take_part
        ]
        weighted = torch.cat(outputs) * routes.weights_TK.flatten()[order].unsqueeze(-1)
        mixed = torch.zeros_like(x_TD, dtype=weighted.dtype).index_add(0, token_of, weighted)
        return (mixed.to(x_TD.dtype) + self.shared_experts(x_TD)).view_as(x_BTD)
