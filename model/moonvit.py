"""MoonViT: pictures of any size as patches, packed one after another.

Each picture is a grid of patches in row-major order; its size is kept (no resize to a
square). Positions are a learned table interpolated to the grid plus rotations by column
and row. Attention is inside a picture only, computed picture by picture: the public
code's one mask over all pictures is what makes it run out of memory.

Shapes: N patches of all pictures, C channels, n pictures, h x w the grid of one.
Source: moonshotai/Kimi-VL-A3B modeling_kimi_vl.py as described in arXiv 2504.07491.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from model.attention import attend_packed
from model.config import VisionConfig
from model.rope import patch_angles, rotate

if TYPE_CHECKING:
    from model.kernels.contract import Kernels

LAYER_NORM_EPS = 1e-5


class Grid(NamedTuple):
    height: int
    """Patches, even."""
    width: int

    @property
    def num_patches(self) -> int:
        return self.height * self.width


class LearnedPositions(nn.Module):
    """A table of rows and columns, stretched to each picture's grid."""

    def __init__(self, height: int, width: int, dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(height, width, dim))

    def forward(self, grids: Sequence[Grid]) -> Tensor:
        tables = {grid: self._stretched(grid) for grid in set(grids)}
        return torch.cat([tables[grid] for grid in grids])

    def _stretched(self, grid: Grid) -> Tensor:
        table = self.weight.permute(2, 0, 1).unsqueeze(0)
        stretched = F.interpolate(table, size=tuple(grid), mode="bicubic")
        return stretched.squeeze(0).flatten(1).T


class PatchEmbed(nn.Module):
    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        size = config.patch_size
        self.proj = nn.Conv2d(3, config.hidden_size, kernel_size=size, stride=size)
        self.pos_emb = LearnedPositions(
            config.init_pos_emb_height, config.init_pos_emb_width, config.hidden_size
        )

    def forward(self, pixels_N3PP: Tensor, grids: Sequence[Grid]) -> Tensor:
        # The stride is the kernel, so the convolution is one product per patch.
        flat = self.proj.weight.flatten(1)
        patches_NC = F.linear(pixels_N3PP.flatten(1).to(flat.dtype), flat, self.proj.bias)
        return patches_NC + self.pos_emb(grids)


class VisionMLP(nn.Module):
    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.fc0 = nn.Linear(dim, hidden)
        self.fc1 = nn.Linear(hidden, dim)

    def forward(self, x_NC: Tensor) -> Tensor:
        return self.fc1(F.gelu(self.fc0(x_NC), approximate="tanh"))


class VisionBlock(nn.Module):
    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        dim = config.hidden_size
        self.checkpointed = False
        """In training: computed again in the backward pass instead of being remembered."""
        self.kernels: Kernels | None = None
        """Of a quantized network, for what they have of attention."""
        self.num_heads = config.num_attention_heads
        self.scale = config.head_dim**-0.5
        self.norm0 = nn.LayerNorm(dim, eps=LAYER_NORM_EPS)
        self.norm1 = nn.LayerNorm(dim, eps=LAYER_NORM_EPS)
        self.wqkv = nn.Linear(dim, 3 * dim)
        self.wo = nn.Linear(dim, dim)
        self.mlp = VisionMLP(dim, config.intermediate_size)

    def forward(
        self, x_NC: Tensor, cos_ND: Tensor, sin_ND: Tensor, grids: Sequence[Grid]
    ) -> Tensor:
        if self.checkpointed and torch.is_grad_enabled():
            again: Tensor = checkpoint(
                self._block, x_NC, cos_ND, sin_ND, grids, use_reentrant=False
            )
            return again
        return self._block(x_NC, cos_ND, sin_ND, grids)

    def _block(self, x_NC: Tensor, cos_ND: Tensor, sin_ND: Tensor, grids: Sequence[Grid]) -> Tensor:
        x_NC = x_NC + self.wo(self._attend(self.norm0(x_NC), cos_ND, sin_ND, grids))
        return x_NC + self.mlp(self.norm1(x_NC))

    def _attend(
        self, x_NC: Tensor, cos_ND: Tensor, sin_ND: Tensor, grids: Sequence[Grid]
    ) -> Tensor:
        qkv_N3HD = self.wqkv(x_NC).unflatten(-1, (3, self.num_heads, -1))
        if self.kernels is not None:
            fused_NC = self._fused(self.kernels, qkv_N3HD, cos_ND, sin_ND, grids)
            if fused_NC is not None:
                return fused_NC
        query, key, value = qkv_N3HD.unbind(1)
        query, key = rotate(query, cos_ND, sin_ND), rotate(key, cos_ND, sin_ND)
        sizes = [grid.num_patches for grid in grids]
        return attend_packed(query, key, value, sizes, scale=self.scale).flatten(1)

    def _fused(
        self,
        kernels: "Kernels",
        qkv_N3HD: Tensor,
        cos_ND: Tensor,
        sin_ND: Tensor,
        grids: Sequence[Grid],
    ) -> Tensor | None:
        """Turned and mixed picture by picture in one call each, where there is one."""
        sizes = [grid.num_patches for grid in grids]
        mixed_NC = []
        parts = (tensor.split(sizes) for tensor in (qkv_N3HD, cos_ND, sin_ND))
        for qkv, cos, sin in zip(*parts, strict=True):
            mixed = kernels.picture(qkv, cos, sin, self.scale)
            if mixed is None:
                return None
            mixed_NC.append(mixed)
        return torch.cat(mixed_NC)


class Encoder(nn.Module):
    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        self.head_dim = config.head_dim
        self.blocks = nn.ModuleList(VisionBlock(config) for _ in range(config.num_hidden_layers))
        self.final_layernorm = nn.LayerNorm(config.hidden_size, eps=LAYER_NORM_EPS)

    def forward(self, x_NC: Tensor, grids: Sequence[Grid]) -> Tensor:
        by_grid = {grid: patch_angles(*grid, self.head_dim) for grid in set(grids)}
        angles = torch.cat([by_grid[grid] for grid in grids]).to(x_NC.device)
        cos_ND, sin_ND = angles.cos(), angles.sin()
        for block in self.blocks:
            x_NC = block(x_NC, cos_ND, sin_ND, grids)
        return self.final_layernorm(x_NC)


class MoonViT(nn.Module):
    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        self.merge = config.merge
        self.patch_embed = PatchEmbed(config)
        self.encoder = Encoder(config)

    def forward(self, pixels_N3PP: Tensor, grids: Sequence[Grid]) -> Tensor:
        """Features of every patch, [N, C], in the order the patches came."""
        return self.encoder(self.patch_embed(pixels_N3PP, grids), grids)

    def merged(self, patches_NC: Tensor, grids: Sequence[Grid]) -> Tensor:
        """Groups of 2x2 neighbours, [N/4, 4, C]: top-left, top-right, bottom-left, bottom-right."""
        merge, groups, start = self.merge, [], 0
        for grid in grids:
            picture = patches_NC[start : start + grid.num_patches]
            start += grid.num_patches
            tiles = picture.view(grid.height // merge, merge, grid.width // merge, merge, -1)
            groups.append(tiles.transpose(1, 2).reshape(-1, merge * merge, picture.shape[-1]))
        return torch.cat(groups)
