"""Rotary positions: by index for text, by column and row for patches.

Both rotate adjacent channels (2k, 2k+1) as one complex number. The public text code
first gathers even and odd channels and then rotates halves; the products of queries
and keys, which are all that matters, are the same.

Shapes: T tokens, H heads, D channels of a head (even).
"""

import torch
from torch import Tensor


def text_angles(positions_T: Tensor, dim: int, theta: float) -> Tensor:
    """Radians, [..., T, dim/2], float32 whatever the model computes in."""
    exponents = torch.arange(0, dim, 2, dtype=torch.float32, device=positions_T.device) / dim
    return positions_T.float()[..., None] * (1.0 / theta**exponents)


def patch_angles(height: int, width: int, dim: int, theta: float = 10000.0) -> Tensor:
    """Radians for a grid of patches in row-major order, [height*width, dim/2], float32.

    Even slots turn with the column (x), odd ones with the row (y); each axis has dim/4
    frequencies. The public docstring says height first; its code says this.
    """
    frequencies = 1.0 / theta ** (torch.arange(0, dim, 4, dtype=torch.float32) / dim)
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    by_column = x.reshape(-1, 1) * frequencies
    by_row = y.reshape(-1, 1) * frequencies
    return torch.stack((by_column, by_row), dim=-1).flatten(1)


def rotate(x_THD: Tensor, cos_TD: Tensor, sin_TD: Tensor) -> Tensor:
    """Turn each pair of channels; cos and sin are [..., T, D/2], in x's dtype or wider.

    Computed in the wider of the two dtypes and returned in x's.
    """
    even, odd = x_THD[..., 0::2], x_THD[..., 1::2]
    cos, sin = cos_TD.unsqueeze(-2), sin_TD.unsqueeze(-2)
    turned = torch.stack((even * cos - odd * sin, even * sin + odd * cos), dim=-1)
    return turned.flatten(-2).to(x_THD.dtype)
