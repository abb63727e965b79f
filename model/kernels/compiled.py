"""The kernels in C++, by way of a plain C interface: no tie to torch's own, and no lock held.

Shapes: T tokens, K inputs, N outputs, D model width, C chosen experts of a token.
"""

import ctypes
from collections.abc import Sequence
from enum import IntEnum
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from model.kernels.compiled_layer import LayerOfC, layer_of_c
from model.kernels.contract import FewTokens, Fitted, LayerParts
from model.quantized.grid import ROWS, Packed, block_bytes, normalised, packed_shape
from model.rope import rotate


class Variant(IntEnum):
    """Instruction sets, the later the quicker."""

    PLAIN = 0
    AVX2 = 1
    AVX512 = 2
    """With VNNI."""
    AMX = 3


WIDEST_HEAD = 256
"""Channels, in `moonhand_picture`."""
MOST_ASTRAY = 0.02
"""Of what a picture's attention may differ from plain products, both in bfloat16."""


class CompiledKernels:
    """Fits `model.kernels.contract.Kernels`."""

    def __init__(self, library: Path, variant: Variant | None = None) -> None:
        """
        Args:
            variant: None: the best of this processor.

        Raises:
            ValueError: the processor lacks what the variant needs.
        """
        self._library = ctypes.CDLL(str(library))
        supported = self.supported()
        self.variant = supported[-1] if variant is None else variant
        if self.variant not in supported:
            raise ValueError(
                f"this processor has no {self.variant.name}; expected one of"
                f" {[known.name for known in supported]}"
            )

    def supported(self) -> Sequence[Variant]:
        return [variant for variant in Variant if self._library.moonhand_supports(int(variant))]

    def fit(self, weight_NK: Tensor, bits: int, importance_K: Tensor | None) -> Fitted:
        num_rows, num_inputs = weight_NK.shape
        weight = weight_NK.float().contiguous()
        counts = torch.ones(num_inputs)
        if importance_K is not None:
            counts = normalised(importance_K).float().contiguous()
        shape = packed_shape(num_rows, num_inputs, bits)
        packed = Packed(torch.empty(shape, dtype=torch.uint8), torch.empty(shape[0], 2 * ROWS))
        sums = torch.zeros(2, dtype=torch.float64)
        self._call(
            *("fit", bits, weight, counts, num_rows, num_inputs),
            *(packed.blocks, packed.rows, sums, torch.get_num_threads()),
        )
        error, squared = sums.tolist()
        return Fitted(packed, error, squared)

    def linear(self, x_TK: Tensor, matrix: Packed, bits: int, num_outputs: int) -> Tensor:
        x_TK = x_TK.contiguous()
        num_tokens, width = x_TK.shape
        y_TN = x_TK.new_empty(num_tokens, num_outputs)
        spans = matrix.blocks.shape[1] // block_bytes(bits)
        self._call(
            *("linear", bits, matrix.blocks, matrix.rows, spans, num_outputs),
            *(x_TK, _is_half(x_TK), num_tokens, width, y_TN, torch.get_num_threads()),
        )
        return y_TN

    def experts(
        self,
        x_TD: Tensor,
        gate_up: Packed,
        down: Packed,
        bits: int,
        experts_TC: Tensor,
        weights_TC: Tensor,
    ) -> Tensor:
        x_TD = x_TD.contiguous()
        num_tokens, width = x_TD.shape
        y_TD = torch.empty_like(x_TD)
        num_experts, twice, stride = gate_up.blocks.shape
        self._call(
            *("experts", bits, gate_up.blocks, gate_up.rows, down.blocks, down.rows, num_experts),
            *(twice // 2, stride // block_bytes(bits), experts_TC.contiguous()),
            *(weights_TC.float().contiguous(), experts_TC.shape[1]),
            *(x_TD, _is_half(x_TD), num_tokens, width, y_TD, torch.get_num_threads()),
        )
        return y_TD

    def attend(
        self, query_THD: Tensor, entries_KR: Tensor, up: Tensor, nope_dim: int, scale: float
    ) -> Tensor | None:
        num_tokens, heads, width = query_THD.shape
        rank, rope_dim = up.shape[1], width - nope_dim
        if rank % 16 or rope_dim % 16 or heads % 4:
            return None
        value_dim = len(up) // heads - nope_dim
        mixed = query_THD.new_empty(num_tokens, heads * value_dim)
        self._call(
            *("attend", query_THD.contiguous(), entries_KR.contiguous(), up.contiguous()),
            *(_is_half(query_THD), len(entries_KR) - num_tokens, num_tokens, heads, nope_dim),
            *(rope_dim, value_dim, rank, float(scale), mixed, torch.get_num_threads()),
        )
        return mixed

    def picture(
        self, qkv_N3HD: Tensor, cos_ND: Tensor, sin_ND: Tensor, scale: float
    ) -> Tensor | None:
        dim = qkv_N3HD.shape[-1]
        if self.variant is not Variant.AMX or qkv_N3HD.dtype != torch.bfloat16:
            return None
        if not qkv_N3HD.is_cpu or dim % 2 or dim > WIDEST_HEAD or not self._attends_pictures:
            return None
        return self._picture(qkv_N3HD, cos_ND, sin_ND, scale)

    @cached_property
    def _attends_pictures(self) -> bool:
        """Tried once on a few patches: no AMX was at hand when this kernel was written."""
        drawn = torch.Generator().manual_seed(0)
        qkv = torch.randn(40, 3, 2, 72, generator=drawn).bfloat16()
        angles = torch.randn(40, 36, generator=drawn)
        cos, sin = angles.cos(), angles.sin()
        query, key, value = (part.transpose(0, 1) for part in qkv.float().unbind(1))
        query, key = (rotate(p.transpose(0, 1), cos, sin).transpose(0, 1) for p in (query, key))
        weights = torch.softmax(query @ key.transpose(1, 2) / 8, dim=-1)
        expected = (weights @ value).transpose(0, 1).flatten(1)
        astray = (self._picture(qkv, cos, sin, 1 / 8).float() - expected).norm() / expected.norm()
        return bool(astray < MOST_ASTRAY)

    def _picture(self, qkv_N3HD: Tensor, cos_ND: Tensor, sin_ND: Tensor, scale: float) -> Tensor:
        num_patches, _, heads, dim = qkv_N3HD.shape
        mixed = qkv_N3HD.new_empty(num_patches, heads * dim)
        self._call(
            *("picture", qkv_N3HD.contiguous(), cos_ND.float().contiguous()),
            *(sin_ND.float().contiguous(), num_patches, heads, dim, float(scale), mixed),
            torch.get_num_threads(),
        )
        return mixed

    def layer(self, parts: LayerParts) -> FewTokens | None:
        held = layer_of_c(parts)
        if held is None:
            return None
        width = parts.up.shape[1] + parts.rope_dim

        def few(x_TD: Tensor, cos_TP: Tensor, sin_TP: Tensor, entries_KR: Tensor) -> Tensor:
            x_TD, num_tokens = x_TD.contiguous(), len(x_TD)
            assert x_TD.dtype == cos_TP.dtype == entries_KR.dtype == parts.up.dtype, x_TD.dtype
            assert entries_KR.is_contiguous()
            assert entries_KR.shape[1] == width, entries_KR.shape
            y_TD = torch.empty_like(x_TD)
            past = len(entries_KR) - num_tokens
            self._call(
                *("layer", held, x_TD, cos_TP.contiguous(), sin_TP.contiguous()),
                *(entries_KR, past, num_tokens, y_TD, torch.get_num_threads()),
            )
            return y_TD

        return few

    def _call(self, name: str, *arguments: Tensor | int | float | LayerOfC) -> None:
        given = [_for_c(one) for one in arguments]
        status = getattr(self._library, f"moonhand_{name}")(ctypes.c_int(self.variant), *given)
        # What only a bug can cause: an expert that is none, a variant that is not there.
        assert status == 0, (name, status)


def _for_c(
    one: Tensor | int | float | LayerOfC,
) -> Any:
    if isinstance(one, Tensor):
        return ctypes.c_void_p(one.data_ptr())
    if isinstance(one, LayerOfC):
        return ctypes.byref(one)
    return ctypes.c_float(one) if isinstance(one, float) else ctypes.c_int(one)


def _is_half(x: Tensor) -> int:
    assert x.dtype in (torch.float32, torch.bfloat16), x.dtype
    assert x.device.type == "cpu", x.device
    return int(x.dtype == torch.bfloat16)
