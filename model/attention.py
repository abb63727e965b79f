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
from itertools import accumulate, groupby, pairwise
from typing import Any, NamedTuple, Self

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


class Asked(NamedTuple):
    """Tokens of a packed row of which more is asked than that others see them."""

    places_Q: Tensor
    """In the row, in their order."""
    positions: Sequence[Tensor]
    """In the document; of those of each stretch."""

    @classmethod
    def of(cls, places_Q: Tensor, stretches: Sequence[Stretch]) -> Self:
        ends = [0, *accumulate(stretch.length for stretch in stretches)]
        bounds = torch.searchsorted(places_Q, torch.tensor(ends, device=places_Q.device)).tolist()
        starts = zip(stretches, ends, strict=False)
        return cls(
            places_Q,
            [
                places_Q[first:last] - place + stretch.start
                for (first, last), (stretch, place) in zip(pairwise(bounds), starts, strict=True)
            ],
        )


BLOCK = 256
"""Queries. A block needs no scores with the keys after it: a document of 2,500 tokens takes half
the products of its square, in 217 ms where `scaled_dot_product_attention` takes 344 and the whole
square 688 (float32, forward and backward, one core)."""
MOST_KEPT = 2**21
"""Scores of a head. Of more, each block's are computed again in the backward pass: at 32,768 tokens
those of a layer of nano would take 9 GB."""


def attend_stretches(
    query_BHQD: Tensor,
    key_BHTD: Tensor,
    value_BHTV: Tensor,
    stretches: Sequence[Stretch],
    *,
    scale: float,
    asked: Asked | None = None,
    most_kept: int = MOST_KEPT,
) -> Tensor:
    """Mix the values of each stretch of a packed row: a token sees those before it in its stretch,
    and all of the stretch's past.

    Args:
        stretches: in their order; T tokens in all.
        asked: whose queries these are; None: of all tokens.
    """
    lengths = [stretch.length for stretch in stretches]
    counts = lengths if asked is None else [len(positions) for positions in asked.positions]
    # Split once: the gradient of every slice of the whole would be as long as the whole.
    queries = query_BHQD.split(counts, dim=2)
    keys, values = key_BHTD.split(lengths, dim=2), value_BHTV.split(lengths, dim=2)
    learns = torch.is_grad_enabled() and query_BHQD.requires_grad and query_BHQD.is_cpu
    mixed = []
    for number, stretch in enumerate(stretches):
        if not counts[number]:
            continue
        key, value = (
            torch.cat([*(of[earlier][:, :, :n] for earlier, n in stretch.past), of[number]], dim=2)
            if stretch.past
            else of[number]
            for of in (keys, values)
        )
        if asked is not None:
            positions_Q = asked.positions[number]
        else:
            positions_Q = torch.arange(stretch.start, key.shape[2], device=key.device)
        if learns:
            mixed += _by_blocks(queries[number], key, value, positions_Q, scale, most_kept)
        elif stretch.past or asked is not None:
            visible = _up_to(positions_Q, key.shape[2])
            mixed.append(attend(queries[number], key, value, scale=scale, visible_QK=visible))
        else:
            mixed.append(
                F.scaled_dot_product_attention(
                    queries[number], key, value, is_causal=True, scale=scale
                )
            )
    return torch.cat(mixed, dim=2)


def _up_to(positions_Q: Tensor, num_keys: int) -> Tensor:
    """What tokens at these positions of a document see of its first keys."""
    return torch.arange(num_keys, device=positions_Q.device) <= positions_Q[:, None]


def _by_blocks(
    query_BHQD: Tensor,
    key_BHKD: Tensor,
    value_BHKV: Tensor,
    positions_Q: Tensor,
    scale: float,
    most_kept: int,
) -> list[Tensor]:
    again = query_BHQD.shape[2] * key_BHKD.shape[2] > most_kept
    mixed = []
    for query, positions in zip(
        query_BHQD.split(BLOCK, dim=2), positions_Q.split(BLOCK), strict=True
    ):
        end = int(positions[-1]) + 1
        block = (query, key_BHKD[:, :, :end], value_BHKV[:, :, :end])
        mix = partial(attend, scale=scale, visible_QK=_up_to(positions, end))
        mixed.append(
            checkpoint(mix, *block, use_reentrant=False, preserve_rng_state=False)
            if again
            else mix(*block)
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
