"""Weights of four bits in the layout of torch's own kernel for them (`_weight_int4pack_mm`).

The kernel came with torch 2.2 ("tinygemm"; also what torchao calls on a card) and multiplies
bfloat16 rows with weights w = (q - 8) * scale + zero, q from 0 to 15, in groups along the inputs.
Its layout is a fixed order of the nibbles, the fragments of the card's 16x8x16 product:
[N/8, K/(16 t), 32 lanes, t/2] int32 with t tiles of 16 inputs together. So it is packed and
unpacked here by a permutation of axes, on any device, and a card keeps one copy of the weights
for decoding (the kernel) and for prefill (unpacked by blocks to bfloat16).
Source of the order: ATen/native/cuda/int4mm.cu, `matrix_to_m16n8k16_Bint4_layout`.

Shapes: M rows, K inputs, N outputs, G groups of inputs, E matrices one after another.
"""

from typing import NamedTuple, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

GROUP = 64
"""Inputs that share a scale and a zero; on Gaussian weights the rounding error is 8.9 %."""

FEW_ROWS = 32
"""The kernel reads all weights again for every 16 rows; for more, unpacking once is less work."""


class Packed(NamedTuple):
    """One matrix; with a leading E, as many of one shape (then scales are [K/G, E, N, 2])."""

    weights: Tensor
    """int32, see the module's first paragraph."""
    scales: Tensor
    """bfloat16 [K/G, N, 2]: scale and zero."""

    @property
    def num_inputs(self) -> int:
        return self.weights.shape[-3] * self.weights.shape[-1] * 32

    @property
    def group(self) -> int:
        return self.num_inputs // self.scales.shape[0]


def tiles_together(num_inputs: int) -> int:
    """Of 16 inputs: 8 where they divide the inputs, the quickest, else fewer."""
    for tiles in (8, 4, 2):
        if num_inputs % (16 * tiles) == 0:
            return tiles
    raise ValueError(f"{num_inputs} inputs; the kernel for int4 needs a multiple of 32")


def pack(q_NK: Tensor, scale_NG: Tensor, zero_NG: Tensor) -> Packed:
    """From values 0 to 15 (uint8) and what they stand for: (q - 8) * scale + zero."""
    num_outputs, num_inputs = q_NK.shape[-2:]
    if num_outputs % 8:
        raise ValueError(f"{num_outputs} outputs; the kernel for int4 needs a multiple of 8")
    tiles = tiles_together(num_inputs)
    # Of an input's number: block, pair of tiles, tile, upper half, pair in the half, lower bit.
    parts = q_NK.unflatten(-1, (-1, tiles // 2, 2, 2, 4, 2)).unflatten(-7, (-1, 8))
    # -> [N/8, block, output, pair in the half, pair of tiles, lower bit, tile, upper half]
    first = parts.ndim - 8
    order = (0, 2, 1, 6, 3, 7, 4, 5)
    ordered = parts.permute(*range(first), *(first + axis for axis in order))
    low, high = ordered.unbind(-1)
    in_bytes = (low | (high << 4)).contiguous()
    words = in_bytes.flatten(-2).view(torch.int32).squeeze(-1).flatten(-3, -2)
    scales = torch.stack((scale_NG, zero_NG), dim=-1).to(torch.bfloat16)
    # Groups first: matrices beside each other are then rows of one.
    return Packed(words.contiguous(), scales.movedim(-2, 0).contiguous())


def unpack(packed: Packed, dtype: torch.dtype = torch.bfloat16) -> Tensor:
    """The weights themselves, [.., N, K]."""
    bytes_ = packed.weights.unflatten(-2, (8, 4)).unsqueeze(-1).view(torch.uint8)
    halves = torch.stack((bytes_ & 15, bytes_ >> 4), dim=-1).unflatten(-2, (2, 2))
    # [N/8, block, output, pair, pair of tiles, lower bit, tile, upper half]
    first = halves.ndim - 8
    order = (0, 2, 1, 4, 6, 7, 3, 5)
    values = halves.permute(*range(first), *(first + axis for axis in order))
    grouped = values.flatten(first + 2).flatten(first, first + 1).to(dtype)
    grouped = grouped.unflatten(-1, (-1, packed.group))
    scale, zero = packed.scales.movedim(0, -2).to(dtype).unsqueeze(-2).unbind(-1)
    return grouped.sub_(8).mul_(scale).add_(zero).flatten(-2)


def quantised(weight_NK: Tensor, group: int = GROUP) -> Packed:
    """To the nearest of 16 values between the least and the greatest of each group."""
    groups = weight_NK.float().unflatten(-1, (-1, group))
    least, most = groups.aminmax(dim=-1, keepdim=True)
    # Scale and zero as they are stored, so that values are the nearest to what will be read.
    scale = ((most - least) / 15).clamp(min=1e-9).to(torch.bfloat16).float()
    zero = (least + 8 * scale).to(torch.bfloat16).float()
    q = ((groups - zero) / scale + 8).round_().clamp_(0, 15).to(torch.uint8)
    return pack(q.flatten(-2), scale.squeeze(-1), zero.squeeze(-1))


def product(x_MK: Tensor, packed: Packed) -> Tensor:
    """x times the weights' transpose, [M, N]; the kernel's on a card, else unpacked."""
    if x_MK.is_cuda and x_MK.shape[0] <= FEW_ROWS:
        return torch._weight_int4pack_mm(
            x_MK.contiguous(), packed.weights, packed.group, packed.scales
        )
    return F.linear(x_MK, unpack(packed, x_MK.dtype))


class Int4Linear(nn.Module):
    """In the place of a linear layer without bias."""

    def __init__(self, packed: Packed) -> None:
        super().__init__()
        self.weights = nn.Buffer(packed.weights)
        self.scales = nn.Buffer(packed.scales)

    @classmethod
    def of(cls, linear: nn.Linear, device: torch.device) -> Self:
        assert linear.bias is None
        return cls(quantised(linear.weight.detach().to(device)))

    def forward(self, x: Tensor) -> Tensor:
        rows = product(x.flatten(0, -2), Packed(self.weights, self.scales))
        return rows.unflatten(0, x.shape[:-1])
