"""Scaled dot-product attention, by whichever way is quicker here.

Under gradients on a CPU, `scaled_dot_product_attention`'s backward is several times
slower than two plain products for the short sequences of nano; without gradients
the fused kernel saves memory.

Shapes: B batch, H heads, Q queries, K keys, D channels.
"""

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
