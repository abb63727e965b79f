"""A grid whose later codes make up for the errors of earlier ones, by how inputs go together.

What comes out of a matrix is wrong by the sum of its weights' errors times the inputs. Inputs go
together, so that an error at one can be made good at others: codes are chosen column by column,
and what is left over is spread on the columns to come as least squares would (the method is known
as GPTQ, https://arxiv.org/abs/2210.17323; a triangle of the inverse holds all that is needed).

Shapes: N rows, K inputs, padded to whole spans.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from model.kernels.contract import Fitted
from model.quantized.grid import (
    FINEST,
    GROUP,
    ROWS,
    SPAN,
    TINY,
    Levels,
    grids,
    levels_of,
    pack,
    padded,
)

DAMPED = 0.01
"""Of the mean square of the inputs, added to each: those that were never seen apart stay apart."""

ROOM = 1.15
"""Steps and lows may become so much larger than the largest, since columns take on errors."""


class Feedback:
    """For all matrices with the same inputs."""

    def __init__(self, products_KK: Tensor) -> None:
        """
        Args:
            products_KK: the mean product of each two inputs.
        """
        self.products_KK = products_KK
        num_inputs = len(products_KK)
        whole = padded(num_inputs, SPAN)
        damp = DAMPED * products_KK.diagonal().mean().clamp(min=TINY)
        damped = torch.eye(whole) * damp
        damped[:num_inputs, :num_inputs] += products_KK
        inverse = torch.cholesky_inverse(torch.linalg.cholesky(damped))
        self._upper_KK = torch.linalg.cholesky(inverse, upper=True)

    def fit(self, weight_NK: Tensor, bits: int) -> Fitted:
        num_rows, num_inputs = weight_NK.shape
        exact = weight_NK.float()
        levels = self._levels(exact, bits)
        error = levels.weights()[:num_rows, :num_inputs] - exact
        return Fitted(
            pack(levels, bits),
            float(((error @ self.products_KK) * error).sum()),
            float(((exact @ self.products_KK) * exact).sum()),
        )

    def _levels(self, exact_NK: Tensor, bits: int) -> Levels:
        num_rows, num_inputs = exact_NK.shape
        whole = len(self._upper_KK)
        left = F.pad(exact_NK, (0, whole - num_inputs, 0, padded(num_rows, ROWS) - num_rows))
        # What an error at each column costs after the later ones have made up for it.
        cost_K = self._upper_KK.diagonal() ** -2
        first = levels_of(left, bits)
        step_N, low_N = first.step_N * ROOM, first.low_N * ROOM
        codes_NK = torch.empty_like(left)
        s_NG, m_NG = torch.empty(2, len(left), whole // GROUP)
        for group in range(whole // GROUP):
            columns = slice(group * GROUP, (group + 1) * GROUP)
            weights = cost_K[columns, None].expand(-1, len(left)) / cost_K[columns].mean()
            step, low = grids(left[:, columns].T.contiguous(), weights, 2**bits - 1)
            s_NG[:, group] = (step / step_N.clamp(min=TINY)).round().clamp(1, FINEST)
            m_NG[:, group] = (low / low_N.clamp(min=TINY)).round().clamp(0, FINEST)
            unit, below = step_N * s_NG[:, group], low_N * m_NG[:, group]
            errors = torch.empty(len(left), GROUP)
            for place in range(GROUP):
                at = columns.start + place
                column = left[:, at]
                code = ((column + below) / unit.clamp(min=TINY)).round().clamp(0, 2**bits - 1)
                codes_NK[:, at] = code
                missing = (column - (unit * code - below)) / self._upper_KK[at, at]
                errors[:, place] = missing
                later = slice(at + 1, columns.stop)
                left[:, later] -= missing[:, None] * self._upper_KK[at, later]
            left[:, columns.stop :] -= errors @ self._upper_KK[columns, columns.stop :]
        return Levels(
            *(codes_NK.to(torch.uint8), s_NG.to(torch.uint8), m_NG.to(torch.uint8)),
            *(step_N, low_N),
        )
