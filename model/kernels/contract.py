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
