"""What attention remembers of earlier tokens: the latent, not the heads.

Per token and layer the cache holds the normalised latent and the rotated shared key
(512 + 64 numbers at full size, 31 KB a token over all layers in bf16) instead of
expanded keys and values (276 KB).

Shapes: B batch, T tokens so far, R latent rank + rotary channels.
"""

from typing import Protocol

import torch
from torch import Tensor


class Remembers(Protocol):
    def append(self, layer: int, entries_BTR: Tensor) -> Tensor:
        """Remember these tokens at `layer`; returns that layer's, these included, [B, K, R]."""


class LatentCache:
    """Grows as tokens are appended; can be cut back to a shared prefix."""

    def __init__(self, num_layers: int) -> None:
        self._entries: list[Tensor | None] = [None] * num_layers
        self._lengths = [0] * num_layers

    @property
    def length(self) -> int:
        """Tokens seen by the first layer: where the next token's position starts."""
        return self._lengths[0]

    def append(self, layer: int, entries_BTR: Tensor) -> Tensor:
        """Remember these tokens at `layer`; returns all of that layer so far, [B, T, R]."""
        held, used = self._entries[layer], self._lengths[layer]
        needed = used + entries_BTR.shape[1]
        if held is None or held.shape[1] < needed:
            # Half as much again, so that appending one token at a time copies rarely. Zeros: who
            # reads unused room with a weight of nothing must not meet what is no number.
            batch, _, width = entries_BTR.shape
            room = entries_BTR.new_zeros(batch, needed + needed // 2 + 16, width)
            if held is not None:
                room[:, :used] = held[:, :used]
            self._entries[layer] = held = room
        held[:, used:needed] = entries_BTR
        self._lengths[layer] = needed
        return held[:, :needed]

    def room(self, layer: int) -> Tensor | None:
        """All that is held for a layer, unused entries too; another one after it grew."""
        return self._entries[layer]

    def advance(self, num_tokens: int) -> None:
        """Count tokens whose entries were written into every layer's room."""
        self._lengths = [length + num_tokens for length in self._lengths]

    def rewind(self, length: int) -> None:
        """Forget everything after the first `length` tokens."""
        if not 0 <= length <= self.length:
            raise ValueError(f"cannot rewind to {length}; the cache holds {self.length} tokens")
        self._lengths = [length] * len(self._lengths)

    def take(self, other: "LatentCache", length: int) -> None:
        """Forget all and remember what another cache does of its first `length` tokens."""
        assert length <= other.length, f"{length} of {other.length} tokens"
        self.rewind(0)
        if length:
            for layer, entries in enumerate(other._entries):
                assert entries is not None, f"layer {layer} is empty"
                self.append(layer, entries[:, :length])


def padded_mask(attention_mask_BK: Tensor, num_new: int) -> Tensor:
    """Bool [B, 1, num_new, K]: causal, and never at padding.

    Args:
        attention_mask_BK: 1 at tokens and 0 at padding, of the past and the new ones.
    """
    num_keys = attention_mask_BK.shape[1]
    causal_QK = causal_mask(num_new, num_keys - num_new, attention_mask_BK.device)
    visible = causal_QK & attention_mask_BK.bool()[:, None, None, :]
    # Padding sees itself: a row of nothing would be a softmax over nothing.
    return visible | torch.eye(num_keys, dtype=torch.bool, device=visible.device)[-num_new:]


def causal_mask(num_new: int, num_past: int, device: torch.device) -> Tensor:
    """Bool [num_new, num_past + num_new], true where a new token may look."""
    queries = torch.arange(num_past, num_past + num_new, device=device)
    keys = torch.arange(num_past + num_new, device=device)
    return keys[None, :] <= queries[:, None]
