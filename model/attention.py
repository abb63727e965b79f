"""Scaled dot-product attention, by whichever way is quicker here.

Under gradients on a CPU, `scaled_dot_product_attention`'s backward is several times
slower than two plain products for the short sequences of nano; without gradients
the fused kernel saves memory. Pictures of different sizes, packed one after another, go
on a GPU through a kernel for such packs, flash-attn's where it is installed and torch's own
elsewhere; on a CPU picture by picture.

Shapes: B batch, H heads, Q queries, K keys, D channels, N patches of all pictures.
"""

from collections.abc import Callable, Sequence
from functools import cache, partial
from itertools import accumulate, groupby
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint


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


class Stretch(NamedTuple):
    """Tokens of a packed row: a document, or what it has after the beginning of another."""

    length: int
    past: tuple[tuple[int, int], ...] = ()
    """What comes before its first token: earlier stretches of the row, and how many of their
    first tokens."""

    @property
    def start(self) -> int:
        """Position of its first token in its document."""
        return sum(length for _, length in self.past)


BLOCK = 256
"""Queries. A block needs no scores with the keys after it: a document of 2,500 tokens takes half
the products of its square, in 217 ms where `scaled_dot_product_attention` takes 344 and the whole
square 688 (float32, forward and backward, one core)."""
MOST_KEPT = 2**21
"""Scores of a head. Of more, each block's are computed again in the backward pass: at 32,768 tokens
those of a layer of nano would take 9 GB."""


def attend_stretches(
    query_BHTD: Tensor,
    key_BHTD: Tensor,
    value_BHTV: Tensor,
    stretches: Sequence[Stretch],
    *,
    scale: float,
    most_kept: int = MOST_KEPT,
) -> Tensor:
    """Mix the values of each stretch of a packed row: a token sees those before it in its stretch,
    and all of the stretch's past.

    Args:
        stretches: in their order; T tokens in all.
    """
    lengths = [stretch.length for stretch in stretches]
    # Split once: the gradient of every slice of the whole would be as long as the whole.
    queries, keys, values = (
        tensor.split(lengths, dim=2) for tensor in (query_BHTD, key_BHTD, value_BHTV)
    )
    learns = torch.is_grad_enabled() and query_BHTD.requires_grad
    mixed = []
    for number, (length, past) in enumerate(stretches):
        if not length:
            continue
        key, value = (
            torch.cat([*(of[earlier][:, :, :n] for earlier, n in past), of[number]], dim=2)
            if past
            else of[number]
            for of in (keys, values)
        )
        if learns and query_BHTD.is_cpu:
            mixed += _by_blocks(queries[number], key, value, scale, most_kept)
        elif past:
            visible = _past_and(length, key.shape[2], query_BHTD.device)
            mixed.append(attend(queries[number], key, value, scale=scale, visible_QK=visible))
        else:
            mixed.append(
                F.scaled_dot_product_attention(
                    queries[number], key, value, is_causal=True, scale=scale
                )
            )
    return torch.cat(mixed, dim=2)


def _past_and(num_queries: int, num_keys: int, device: torch.device) -> Tensor:
    """What queries see of keys that end where they do."""
    visible = torch.ones(num_queries, num_keys, dtype=torch.bool, device=device)
    return visible.tril(num_keys - num_queries)


def _by_blocks(
    query_BHQD: Tensor, key_BHKD: Tensor, value_BHKV: Tensor, scale: float, most_kept: int
) -> list[Tensor]:
    num_queries, num_keys = query_BHQD.shape[2], key_BHKD.shape[2]
    again = num_queries * num_keys > most_kept
    mixed = []
    for start in range(0, num_queries, BLOCK):
        query = query_BHQD[:, :, start : start + BLOCK]
        end = num_keys - num_queries + start + query.shape[2]
        block = (query, key_BHKD[:, :, :end], value_BHKV[:, :, :end])
        visible = _past_and(query.shape[2], end, query.device)
        mixed.append(
            checkpoint(
                partial(attend, scale=scale, visible_QK=visible),
                *block,
                use_reentrant=False,
                preserve_rng_state=False,
            )
            if again
            else attend(*block, scale=scale, visible_QK=visible)
        )
    return mixed


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
