"""All experts of a layer in a few launches, none of which waits for the host.

What an expert gets is known on the card only, and asking costs more than the work of a token;
nor can a CUDA graph ask. So either the library multiplies groups of rows of any size
(`grouped_mm`, Hopper and newer without the host), or the weights of the chosen experts are copied
together and multiplied as one matrix, which for a token is quick enough and works everywhere.
Only long inputs of int4, which are unpacked by blocks, go expert by expert.

Shapes: T tokens, K experts per token, R = T*K rows, E experts, D model width, H hidden.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.gpu.int4 import Int4Linear, Packed, product, quantised, unpack
from model.moe import GatedMLP, Router, Routes

MOST_GATHERED = 16
"""Tokens. Each copies its experts (26 MB in int4); of more, most experts would be copied anyhow."""

NAMES = ("gate_proj", "up_proj", "down_proj")

TOGETHER = 8
"""Experts unpacked at once: 140 MB in bfloat16."""


class Sorted(NamedTuple):
    order_R: Tensor
    """Rows, those of the first expert first."""
    counts_E: Tensor


def by_expert(experts_TK: Tensor, num_experts: int) -> Sorted:
    experts_R = experts_TK.flatten()
    numbers_E1 = torch.arange(num_experts, device=experts_R.device).unsqueeze(1)
    # Not bincount: on a card it asks the host for the greatest.
    return Sorted(experts_R.argsort(stable=True), (experts_R == numbers_E1).sum(1))


def gated(both_R2H: Tensor) -> Tensor:
    gate_RH, up_RH = both_R2H.chunk(2, dim=-1)
    return F.silu(gate_RH) * up_RH


class WideExperts(nn.Module):
    """Weights as they are, in bfloat16 or whatever the network computes in."""

    def __init__(self, gate_up_E2HD: Tensor, down_EDH: Tensor, *, grouped: bool) -> None:
        """
        Args:
            grouped: by `grouped_mm`; else the chosen experts' weights are copied, for a few
                tokens, and more go expert by expert.
        """
        super().__init__()
        self.gate_up, self.down = nn.Buffer(gate_up_E2HD), nn.Buffer(down_EDH)
        self.grouped = grouped

    @classmethod
    def of(cls, experts: nn.ModuleList, device: torch.device) -> Self:
        gate_up, down = _stacked(experts, device)
        return cls(gate_up, down, grouped=has_grouped(device, down.dtype))

    def forward(self, x_TD: Tensor, experts_TK: Tensor) -> Tensor:
        """What each token's experts make of it, [T, K, D]."""
        num_tokens, top_k = experts_TK.shape
        if self.grouped:
            order_R, counts_E = by_expert(experts_TK, len(self.gate_up))
            ends_E = counts_E.cumsum(0).to(torch.int32)
            hidden_RH = gated(F.grouped_mm(x_TD[order_R // top_k], self.gate_up.mT, offs=ends_E))
            out_RD = F.grouped_mm(hidden_RH, self.down.mT, offs=ends_E)
            back_RD = torch.empty_like(out_RD).index_copy_(0, order_R, out_RD)
        elif num_tokens <= MOST_GATHERED:
            experts_R = experts_TK.flatten()
            rows_RD1 = x_TD.repeat_interleave(top_k, 0).unsqueeze(-1)
            hidden_RH = gated((self.gate_up[experts_R] @ rows_RD1).squeeze(-1))
            back_RD = (self.down[experts_R] @ hidden_RH.unsqueeze(-1)).squeeze(-1)
        else:
            weights = zip(self.gate_up, self.down, strict=True)
            back_RD = one_by_one(x_TD, experts_TK, weights, len(self.gate_up))
        return back_RD.unflatten(0, (num_tokens, top_k))


class Int4Experts(nn.Module):
    """Weights in int4; all of them beside each other, as one matrix is."""

    def __init__(self, gate_up: Packed, down: Packed) -> None:
        super().__init__()
        self.gate_up, self.gate_up_scales = (nn.Buffer(part) for part in gate_up)
        self.down, self.down_scales = (nn.Buffer(part) for part in down)

    @classmethod
    def of(cls, experts: nn.ModuleList, device: torch.device) -> Self:
        return cls(*(_quantised(stack) for stack in _stacked(experts, device)))

    def forward(self, x_TD: Tensor, experts_TK: Tensor) -> Tensor:
        """What each token's experts make of it, [T, K, D]."""
        num_tokens, top_k = experts_TK.shape
        if num_tokens > MOST_GATHERED:
            back_RD = one_by_one(x_TD, experts_TK, self._unpacked(x_TD.dtype), len(self.gate_up))
            return back_RD.unflatten(0, (num_tokens, top_k))
        return torch.stack(
            [
                self._gathered(x_1D, experts_K)
                for x_1D, experts_K in zip(x_TD.split(1), experts_TK, strict=True)
            ]
        )

    def _gathered(self, x_1D: Tensor, experts_K: Tensor) -> Tensor:
        """Of one token, [K, D]."""
        num_experts = len(experts_K)
        both = product(x_1D, _chosen(self.gate_up, self.gate_up_scales, experts_K))
        hidden_KH = gated(both.view(num_experts, -1))
        # Every expert's input with every expert's weights: up to 16 rows cost the kernel what
        # one does, and those wanted are the diagonal.
        all_KKD = product(hidden_KH, _chosen(self.down, self.down_scales, experts_K))
        return all_KKD.view(num_experts, num_experts, -1).diagonal().T

    def _unpacked(self, dtype: torch.dtype) -> Iterator[tuple[Tensor, Tensor]]:
        for first in range(0, len(self.gate_up), TOGETHER):
            few = slice(first, first + TOGETHER)
            gate_up = unpack(Packed(self.gate_up[few], self.gate_up_scales[:, few]), dtype)
            down = unpack(Packed(self.down[few], self.down_scales[:, few]), dtype)
            yield from zip(gate_up, down, strict=True)


class FusedMixture(nn.Module):
    """In the place of `MixtureOfExperts`; for inference only."""

    def __init__(
        self, gate: Router, experts: WideExperts | Int4Experts, shared_experts: nn.Module
    ) -> None:
        super().__init__()
        self.gate, self.experts, self.shared_experts = gate, experts, shared_experts

    def forward(self, x_BTD: Tensor) -> Tensor:
        x_TD = x_BTD.flatten(0, -2)
        routes: Routes = self.gate(x_TD)
        each_TKD = self.experts(x_TD, routes.experts_TK)
        mixed_TD = (routes.weights_TK.unsqueeze(1) @ each_TKD.float()).squeeze(1)
        return (mixed_TD.to(x_TD.dtype) + self.shared_experts(x_TD)).view_as(x_BTD)


class Int4GatedMLP(nn.Module):
    """In the place of `GatedMLP`."""

    def __init__(self, gate_up: Int4Linear, down: Int4Linear) -> None:
        super().__init__()
        self.gate_up, self.down = gate_up, down

    @classmethod
    def of(cls, mlp: GatedMLP, device: torch.device) -> Self:
        both = torch.cat((mlp.gate_proj.weight.detach(), mlp.up_proj.weight.detach())).to(device)
        return cls(Int4Linear(quantised(both)), Int4Linear.of(mlp.down_proj, device))

    def forward(self, x: Tensor) -> Tensor:
        hidden: Tensor = self.down(gated(self.gate_up(x)))
        return hidden


def has_grouped(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether `grouped_mm` takes these numbers and does not wait for the host."""
    if device.type != "cuda":
        return True
    return dtype == torch.bfloat16 and torch.cuda.get_device_capability(device)[0] >= 9


def one_by_one(
    x_TD: Tensor, experts_TK: Tensor, weights: Iterable[tuple[Tensor, Tensor]], num_experts: int
) -> Tensor:
    """Expert by expert, [R, D]; the host learns how many rows each has, once."""
    order_R, counts_E = by_expert(experts_TK, num_experts)
    rows_RD = x_TD[order_R // experts_TK.shape[1]]
    outputs = [
        gated(rows @ gate_up.T) @ down.T
        for rows, (gate_up, down) in zip(rows_RD.split(counts_E.tolist()), weights, strict=True)
    ]
    return torch.empty_like(rows_RD).index_copy_(0, order_R, torch.cat(outputs))


def _stacked(experts: nn.ModuleList, device: torch.device) -> tuple[Tensor, Tensor]:
    """Gate over up [E, 2H, D], and down [E, D, H]."""
    parts = [[getattr(e, name).weight.detach().to(device) for e in experts] for name in NAMES]
    gate, up, down = parts
    return torch.stack([torch.cat(pair) for pair in zip(gate, up, strict=True)]), torch.stack(down)


def _quantised(stack_ENK: Tensor) -> Packed:
    """Matrix by matrix: rounding takes several times the memory of what is rounded."""
    packed = [quantised(matrix) for matrix in stack_ENK]
    return Packed(
        torch.stack([one.weights for one in packed]), torch.stack([one.scales for one in packed], 1)
    )


def _chosen(weights: Tensor, scales: Tensor, experts_K: Tensor) -> Packed:
    """Copied together, as one matrix of K times the outputs."""
    return Packed(
        weights.index_select(0, experts_K).flatten(0, 1),
        scales.index_select(1, experts_K).flatten(1, 2),
    )
