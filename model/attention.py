"""Scaled dot-product attention, by whichever way is quicker here.

Under gradients on a CPU, `scaled_dot_product_attention`'s backward is several times
slower than two plain products for the short sequences of nano; without gradients
the fused kernel saves memory. Pictures of different sizes, packed one after another, go
on a GPU through a kernel for such packs, flash-attn's where it is installed and torch's own
elsewhere; on a CPU picture by picture.

Shapes: B batch, H heads, Q queries, K keys, D channels, N patches of all pictures.
"""

from collections.abc import Callable, Sequence
from functools import cache
from itertools import accumulate, groupby
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


def attend(
    query_BHQD: Tensor,
    key_BHKD: Tensor,
    value_BHKV: Tensor,
    *,
    scale: float,
    visible_QK: Tensor | None = None,
) -> Tensor:
    """Mix the values; `visible_QK` is a bool mask, true where a query may look."""
    if not (torch.is_grad_enabled() and query_BHQD.requires_grad and query_BHQD.is_cpu):
        short = query_BHQD.shape[-1] - value_BHKV.shape[-1]
        if short > 0 and query_BHQD.is_cpu:
            # Torch's quick path wants one width: with 192 and 128 channels 2,048 tokens of a layer
            # took 1.4 s on a core, padded 0.2.
            padded = attend(
                query_BHQD,
                key_BHKD,
                F.pad(value_BHKV, (0, short)),
                scale=scale,
                visible_QK=visible_QK,
            )
            return padded[..., :-short]
        return F.scaled_dot_product_attention(
            query_BHQD, key_BHKD, value_BHKV, attn_mask=visible_QK, scale=scale
        )
    # Laid out by heads once: the products of both directions would each copy them again.
    query_BHQD, key_BHKD = query_BHQD.contiguous() * scale, key_BHKD.contiguous()
    value_BHKV = value_BHKV.contiguous()
    scores = query_BHQD @ key_BHKD.transpose(-1, -2)
    if visible_QK is not None:
        scores = scores.masked_fill(~visible_QK, float("-inf"))
    weights = torch.softmax(scores, dim=-1)
    return weights @ value_BHKV


LONG = 1024
"""Tokens. Beyond, the scores under gradients would take more memory than they save time."""


def attend_documents(
    query_BHTD: Tensor,
    key_BHTD: Tensor,
    value_BHTV: Tensor,
    lengths: Sequence[int],
    *,
    scale: float,
    long: int = LONG,
) -> Tensor:
    """Mix the values of each document of a packed row by itself, each token of what came before.

    Args:
        lengths: tokens of each document, in their order; T in all.
        long: documents of more tokens than this go through the fused kernel.
    """
    mixed = []
    parts = (tensor.split(list(lengths), dim=2) for tensor in (query_BHTD, key_BHTD, value_BHTV))
    for length, query, key, value in zip(lengths, *parts, strict=True):
        if length > long:
            mixed.append(
                F.scaled_dot_product_attention(query, key, value, is_causal=True, scale=scale)
            )
        else:
            visible = torch.ones(length, length, dtype=torch.bool, device=query.device).tril()
            mixed.append(attend(query, key, value, scale=scale, visible_QK=visible))
    return torch.cat(mixed, dim=2)


VarlenKernel = Callable[..., Tensor]
"""`flash_attn.flash_attn_varlen_func`: q, k, v [N, H, D], where packs begin and end [n + 1] int32
for queries and keys, the longest of each, then by name."""


def attend_packed(
    query_NHD: Tensor,
    key_NHD: Tensor,
    value_NHD: Tensor,
    sizes: Sequence[int],
    *,
    scale: float,
    kernel: VarlenKernel | None = None,
) -> Tensor:
    """Mix the values of each picture by itself, [N, H, D].

    Args:
        sizes: patches of each picture, in their order.
        kernel: for packs; None: a library's where the tensors are on a GPU, in half precision.
    """
    if kernel is None and query_NHD.is_cuda and query_NHD.dtype != torch.float32:
        kernel = flash_attention() or torch_varlen
    if kernel is not None:
        bounds = torch.tensor([0, *accumulate(sizes)], dtype=torch.int32, device=query_NHD.device)
        longest = max(sizes)
        return kernel(
            *(query_NHD, key_NHD, value_NHD, bounds, bounds, longest, longest),
            dropout_p=0.0,
            softmax_scale=scale,
            causal=False,
        )
    mixed, start = [], 0
    # Neighbours of one size share a batched product; nothing crosses a picture.
    for size, run in groupby(sizes):
        count = len(list(run))
        rows = slice(start, start + count * size)
        start = rows.stop
        q, k, v = (
            part[rows].unflatten(0, (count, size)).transpose(1, 2)
            for part in (query_NHD, key_NHD, value_NHD)
        )
        mixed.append(attend(q, k, v, scale=scale).transpose(1, 2).flatten(0, 1))
    return torch.cat(mixed)


@cache
def flash_attention() -> VarlenKernel | None:
    """The kernel of the optional package flash-attn (`pip install .[cuda]`); None without it."""
    try:
        from flash_attn import flash_attn_varlen_func
    except ImportError:
        return None
    kernel: Any = flash_attn_varlen_func
    return kernel


def torch_varlen(
    query_NHD: Tensor,
    key_NHD: Tensor,
    value_NHD: Tensor,
    query_bounds: Tensor,
    key_bounds: Tensor,
    most_queries: int,
    most_keys: int,
    *,
    dropout_p: float,
    softmax_scale: float,
    causal: bool,
) -> Tensor:
    """The same kernel as torch has it (2.10 and later, on a GPU), by flash-attn's signature."""
    assert dropout_p == 0.0
    from torch.nn.attention.varlen import varlen_attn

    bounds = (query_bounds, key_bounds, most_queries, most_keys)
    window = (-1, 0) if causal else (-1, -1)
    # Its heads are of eights of channels: others get some of nothing, which weigh nothing.
    dim = query_NHD.shape[-1]
    query, key, value = (F.pad(part, (0, -dim % 8)) for part in (query_NHD, key_NHD, value_NHD))
    mixed = varlen_attn(query, key, value, *bounds, scale=softmax_scale, window_size=window)
    assert isinstance(mixed, Tensor)
    return mixed[..., :dim]
