"""The kernels in torch: for machines without a compiler or of another kind, and what the
compiled ones are tested against. Every matrix is unpacked when it is used.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from model.kernels.contract import FewTokens, Fitted, LayerParts
from model.quantized.grid import (
    GROUP,
    ROWS,
    SPAN,
    Packed,
    levels_of,
    normalised,
    pack,
    padded,
    weights_of,
)

LARGEST = 127


def rounded(x_TK: Tensor) -> Tensor:
    """Activations as the products see them, float32; padded to whole spans with zeros."""
    x_TK = x_TK.float()
    x_TK = F.pad(x_TK, (0, padded(x_TK.shape[1], SPAN) - x_TK.shape[1]))
    groups = x_TK.unflatten(1, (-1, GROUP))
    most = groups.abs().amax(-1, keepdim=True)
    # Multiplied by the inverse, as the compiled kernels do: so that halves fall alike.
    inverse = torch.where(most > 0, LARGEST / most, torch.zeros_like(most))
    return ((groups * inverse).round() * (most / LARGEST)).flatten(1)


class PlainKernels:
    """Fits `model.kernels.contract.Kernels`."""

    def fit(self, weight_NK: Tensor, bits: int, importance_K: Tensor | None) -> Fitted:
        num_rows, num_inputs = weight_NK.shape
        levels = levels_of(weight_NK, bits, importance_K)
        exact = weight_NK.float()
        error = levels.weights()[:num_rows, :num_inputs] - exact
        weigh = torch.ones(num_inputs)
        if importance_K is not None:
            weigh = normalised(importance_K)
        return Fitted(
            pack(levels, bits),
            float((error.square() * weigh).sum()),
            float((exact.square() * weigh).sum()),
        )

    def linear(self, x_TK: Tensor, matrix: Packed, bits: int, num_outputs: int) -> Tensor:
        x = rounded(x_TK)
        return (x @ weights_of(matrix, bits, num_outputs, x.shape[1]).T).to(x_TK.dtype)

    def experts(
        self,
        x_TD: Tensor,
        gate_up: Packed,
        down: Packed,
        bits: int,
        experts_TC: Tensor,
        weights_TC: Tensor,
    ) -> Tensor:
        x = rounded(x_TD)
        mixed_TD = x.new_zeros(x_TD.shape)
        for expert in experts_TC.unique().tolist():
            tokens, places = (experts_TC == expert).nonzero(as_tuple=True)
            first = Packed(gate_up.blocks[expert], gate_up.rows[expert])
            both = x[tokens] @ weights_of(first, bits, ROWS * len(first.blocks), x.shape[1]).T
            gate, up = both.unflatten(1, (-1, 2, ROWS)).unbind(2)
            hidden = rounded((F.silu(gate) * up).flatten(1))
            last = Packed(down.blocks[expert], down.rows[expert])
            out = hidden @ weights_of(last, bits, x_TD.shape[1], hidden.shape[1]).T
            mixed_TD.index_add_(0, tokens, out * weights_TC[tokens, places, None].float())
        return mixed_TD.to(x_TD.dtype)

    def attend(
        self, query_THD: Tensor, entries_KR: Tensor, up: Tensor, nope_dim: int, scale: float
    ) -> Tensor | None:
        return None

    def picture(
        self, qkv_N3HD: Tensor, cos_ND: Tensor, sin_ND: Tensor, scale: float
    ) -> Tensor | None:
        return None

    def layer(self, parts: LayerParts) -> FewTokens | None:
        return None
