"""Steps for gradients that are mostly noise, as those of rewards are."""

import math

import torch
from torch import Tensor, nn


class AgreedDescent:
    """Moves every tensor along its gradient, as far as parts of what is learned from agree on it.

    Of nine problems' attempts and nine others', the gradients have a cosine of 0.03 in MoonViT and
    the projector and of none in the upper layers of the language model; of all of it, 0.008. What
    they say in common lies in few directions, and the rest is chance: Muon moves as far in each
    direction of a matrix, and so mostly by chance, Adam's first steps do so in each weight, and a
    gradient as it is moves most where it is largest.
    """

    def __init__(self, network: nn.Module) -> None:
        self._parameters = [p for p in network.parameters() if p.requires_grad]
        self._sums: dict[nn.Parameter, Tensor] = {}
        self._squares: dict[nn.Parameter, float] = {}
        self._num_parts = 0
        self._moves: list[tuple[nn.Parameter, Tensor]] = []

    @torch.no_grad()
    def gather(self) -> None:
        """Take the gradients, which are those of one part, and clear them."""
        self._num_parts += 1
        for parameter in self._parameters:
            gradient, parameter.grad = parameter.grad, None
            if gradient is None:
                continue
            square = float(gradient.square().sum())
            self._squares[parameter] = self._squares.get(parameter, 0.0) + square
            if parameter in self._sums:
                self._sums[parameter].add_(gradient)
            else:
                self._sums[parameter] = gradient

    @torch.no_grad()
    def step(self, size: float) -> tuple[float, float]:
        """Move along what was gathered, and forget it.

        Args:
            size: root mean square of what a weight moves where all parts agree.

        Returns:
            The gradient's norm, and how far the parts agree, a mean over the weights.
        """
        self._moves, total, moved, weights = [], 0.0, 0.0, 0
        for parameter, gradient in self._sums.items():
            square = float(gradient.square().sum())
            agreed = agreement(square, self._squares[parameter], self._num_parts)
            total += square
            moved += agreed * gradient.numel()
            weights += gradient.numel()
            if agreed > 0.0:
                move = gradient * (-size * agreed * math.sqrt(gradient.numel() / square))
                parameter.add_(move)
                self._moves.append((parameter, move))
        self._sums, self._squares, self._num_parts = {}, {}, 0
        return math.sqrt(total), moved / max(weights, 1)

    @torch.no_grad()
    def halve(self) -> None:
        """The last step goes half as far."""
        for parameter, move in self._moves:
            move.mul_(0.5)
            parameter.sub_(move)


def agreement(sum_square: float, squares: float, num_parts: int) -> float:
    """Cosine of a sum of noisy gradients with what they have in common, 0 to 1.

    What they have in common is estimated without bias by the products of different parts: the
    square of the sum less the squares. One part alone is believed.

    Args:
        sum_square: squared norm of the sum of the parts' gradients.
        squares: sum of the squared norms of the parts' gradients.
    """
    if sum_square == 0.0:
        return 0.0
    if num_parts == 1:
        return 1.0
    common = (sum_square - squares) / sum_square * num_parts / (num_parts - 1)
    return math.sqrt(min(1.0, max(0.0, common)))
