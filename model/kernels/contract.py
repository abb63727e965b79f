"""What the layers of `model.quantized.modules` ask of whoever computes for them.

All of them round activations alike: of each token by groups of 32 to whole numbers up to 127
times the group's largest. They differ by the order of sums, and where a processor multiplies
bfloat16 better than whole numbers (AMX, many tokens), by that rounding.

Shapes: T tokens, K inputs, N outputs, D model width, C chosen experts of a token.
"""

from typing import NamedTuple, Protocol

from torch import Tensor

from model.quantized.grid import Packed


class Fitted(NamedTuple):
    packed: Packed
    squared_error: float
    """Sum over the matrix, each input's as it weighs."""
    squared: float
    """Of the weights, alike."""


class LayerParts(NamedTuple):
    """All of a decoder layer whose weights are on their grid."""

    first_norm: Tensor
    latent_norm: Tensor
    second_norm: Tensor
    epsilon: float
    latent_epsilon: float
    query: Packed
    latent: Packed
    output: Packed
    attention_bits: int
    up: Tensor
    """The expansion of latents to heads, [H * (N + V), R]."""
    num_heads: int
    nope_dim: int
    rope_dim: int
    scale: float
    gate_up: Packed
    down: Packed
    expert_bits: int
    router: Tensor | None
    """[E, D]; None: every token has all experts."""
    balance: Tensor | None
    num_chosen: int
    router_scale: float


class FewTokens(Protocol):
    def __call__(self, x_TD: Tensor, cos_TP: Tensor, sin_TP: Tensor, entries_KR: Tensor) -> Tensor:
        """The layer's outcome for new tokens, [T, D]; their entries are written, the last T."""
        ...


class Kernels(Protocol):
    def fit(self, weight_NK: Tensor, bits: int, importance_K: Tensor | None) -> Fitted:
        """A matrix on its grid, as `model.quantized.grid.levels_of` finds it."""
        ...

    def linear(self, x_TK: Tensor, matrix: Packed, bits: int, num_outputs: int) -> Tensor:
        """[T, N], in x's type (float32 or bfloat16)."""
        ...

    def experts(
        self,
        x_TD: Tensor,
        gate_up: Packed,
        down: Packed,
        bits: int,
        experts_TC: Tensor,
        weights_TC: Tensor,
    ) -> Tensor:
        """The weighted sum of each token's experts, [T, D], in x's type.

        Args:
            gate_up, down: stacks of matrices, one an expert.
            experts_TC: int64, which of the stack; weights_TC: float32, of each.
        """
        ...

    def attend(
        self, query_THD: Tensor, entries_KR: Tensor, up: Tensor, nope_dim: int, scale: float
    ) -> Tensor | None:
        """Absorbed attention of a few new tokens, [T, H * V]; None: not with such sizes, or not
        quicker than in torch.

        Args:
            query_THD: of every head the channels without rotation, then those with.
            entries_KR: latents and rotary keys, the new tokens' last; each sees what came before.
            up: the expansion of latents to heads, [H * (N + V), R].
        """
        ...

    def picture(
        self, qkv_N3HD: Tensor, cos_ND: Tensor, sin_ND: Tensor, scale: float
    ) -> Tensor | None:
        """Attention of a picture's N patches to each other, [N, H * D]; None: not quicker here than
        in torch.

        Args:
            qkv_N3HD: queries, keys and values; the first two are turned by cos_ND and sin_ND
                [N, D/2], float32.
        """
        ...

    def layer(self, parts: LayerParts) -> FewTokens | None:
        """All of a layer in one call, for a few new tokens; None: not with such sizes, or not
        quicker than in torch. The weights are taken as they are now."""
        ...
