"""A decoder layer as `layer.cpp` is told of it: addresses of its weights, and its sizes."""

import ctypes
from typing import Any

import torch
from torch import Tensor

from model.kernels.contract import LayerParts
from model.quantized.grid import Packed, block_bytes


class LinearOfC(ctypes.Structure):
    _fields_ = [
        ("blocks", ctypes.c_void_p),
        ("rows", ctypes.c_void_p),
        ("spans", ctypes.c_int32),
        ("bits", ctypes.c_int32),
    ]


class LayerOfC(ctypes.Structure):
    """`Layer` in layer.cpp, field by field; the tensors it points to are kept with it."""

    _fields_ = [
        *((name, ctypes.c_int32) for name in ("half", "width", "heads", "nope", "rope")),
        *((name, ctypes.c_int32) for name in ("value", "rank")),
        *((name, ctypes.c_float) for name in ("scale", "epsilon", "latent_epsilon")),
        *((name, ctypes.c_void_p) for name in ("first_norm", "latent_norm", "second_norm")),
        *((name, LinearOfC) for name in ("query", "latent", "output")),
        *((name, ctypes.c_void_p) for name in ("up", "gate_up", "gate_up_rows", "down")),
        ("down_rows", ctypes.c_void_p),
        *((name, ctypes.c_int32) for name in ("experts", "hidden_blocks", "spans", "bits")),
        *((name, ctypes.c_int32) for name in ("routed", "chosen")),
        *((name, ctypes.c_void_p) for name in ("router", "balance")),
        ("router_scale", ctypes.c_float),
    ]
    kept: tuple[Any, ...]


def layer_of_c(parts: LayerParts) -> LayerOfC | None:
    """None: the kernel has no such sizes, or the numbers are of several types."""
    width, rank = len(parts.first_norm), parts.up.shape[1]
    plain = (parts.first_norm, parts.latent_norm, parts.second_norm, parts.up)
    if len({tensor.dtype for tensor in plain}) > 1 or not parts.up.is_cpu:
        return None
    if width % 16 or rank % 16 or parts.rope_dim % 16 or parts.num_heads % 4:
        return None
    kept = [tensor.detach().contiguous() for tensor in plain]
    # Read in float32 for every token; half a megabyte a layer.
    routing = [
        None if tensor is None else tensor.detach().float().contiguous()
        for tensor in (parts.router, parts.balance)
    ]
    num_experts, twice, stride = parts.gate_up.blocks.shape
    first_norm, latent_norm, second_norm, up = map(_address, kept)
    router, balance = map(_address, routing)
    made = LayerOfC(
        half=int(parts.up.dtype == torch.bfloat16),
        width=width,
        heads=parts.num_heads,
        nope=parts.nope_dim,
        rope=parts.rope_dim,
        value=len(parts.up) // parts.num_heads - parts.nope_dim,
        rank=rank,
        scale=parts.scale,
        epsilon=parts.epsilon,
        latent_epsilon=parts.latent_epsilon,
        first_norm=first_norm,
        latent_norm=latent_norm,
        second_norm=second_norm,
        query=_linear(parts.query, parts.attention_bits),
        latent=_linear(parts.latent, parts.attention_bits),
        output=_linear(parts.output, parts.attention_bits),
        up=up,
        gate_up=_address(parts.gate_up.blocks),
        gate_up_rows=_address(parts.gate_up.rows),
        down=_address(parts.down.blocks),
        down_rows=_address(parts.down.rows),
        experts=num_experts,
        hidden_blocks=twice // 2,
        spans=stride // block_bytes(parts.expert_bits),
        bits=parts.expert_bits,
        routed=0 if parts.router is None else len(parts.router),
        chosen=parts.num_chosen,
        router=router,
        balance=balance,
        router_scale=parts.router_scale,
    )
    made.kept = (parts, kept, routing)
    return made


def _linear(matrix: Packed, bits: int) -> LinearOfC:
    spans = matrix.blocks.shape[1] // block_bytes(bits)
    return LinearOfC(_address(matrix.blocks), _address(matrix.rows), spans, bits)


def _address(tensor: Tensor | None) -> int | None:
    assert tensor is None or tensor.is_contiguous()
    return None if tensor is None else tensor.data_ptr()
