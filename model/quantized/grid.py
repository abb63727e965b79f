"""Weights as small whole numbers on a grid of their own: 4 or 8 bits, by groups of 32 inputs.

Of each row and group the grid has a step and a lowest point, themselves 8-bit fractions of the
row's largest, so that a weight costs 4.5 (or 8.5) bits and two floats a row:

    weight = step * s * q - low * m        q in 0..15 (0..255), s and m in 0..255

Steps and lows are searched for, not taken from the extremes: on Gaussian weights the relative
error is 7.0 % at 4.5 bits, where groups of 32 between their extremes have 7.7 % (what llama.cpp's
Q4_K does at the same bits) and groups of 64 8.9 %.

The bytes lie as the kernels read them (`pack`), so that a file can be mapped and used in place.

Shapes: N rows (outputs), K inputs, R blocks of 16 rows, S spans of 64 inputs, G groups of 32.
"""

from typing import NamedTuple

import torch
from torch import Tensor

ROWS = 16
"""Of a block: one lane each in a register of 512 bits."""
GROUP = 32
SPAN = 64
"""Inputs of a block: two groups, so that a block is a whole number of cache lines."""
FINEST = 255

CANDIDATES = (0.5, 0.0, -0.25, -0.5, -0.75, -1.0, -1.25, -1.5, -2.0, -2.5, -3.0)
"""Grids tried for a group, by how many steps more than there are levels its extremes span."""


class Packed(NamedTuple):
    """A matrix, or a stack of them along the first dimension."""

    blocks: Tensor
    """uint8 [R, S * block_bytes]: see `pack`."""
    rows: Tensor
    """float32 [R, 2 * ROWS]: `step` of the block's rows, then `low`."""


class Levels(NamedTuple):
    codes_NK: Tensor
    """uint8; K is a multiple of SPAN, N of ROWS."""
    s_NG: Tensor
    m_NG: Tensor
    step_N: Tensor
    low_N: Tensor

    def weights(self) -> Tensor:
        """[N, K] float32."""
        steps = (self.step_N[:, None] * self.s_NG.float()).repeat_interleave(GROUP, 1)
        lows = (self.low_N[:, None] * self.m_NG.float()).repeat_interleave(GROUP, 1)
        return steps * self.codes_NK.float() - lows


def padded(count: int, to: int) -> int:
    return -(-count // to) * to


def block_bytes(bits: int) -> int:
    """Of 16 rows and 64 inputs: codes, then 32 steps and 32 lows of a byte."""
    return ROWS * SPAN * bits // 8 + 4 * ROWS


def packed_shape(num_rows: int, num_inputs: int, bits: int) -> tuple[int, int]:
    """Of `Packed.blocks`."""
    return padded(num_rows, ROWS) // ROWS, padded(num_inputs, SPAN) // SPAN * block_bytes(bits)


def levels_of(weight_NK: Tensor, bits: int, importance_K: Tensor | None = None) -> Levels:
    """The nearest grid found for a matrix; rows and inputs are padded with zeros.

    Args:
        importance_K: how much an error at each input weighs, above 0; None: all alike.
    """
    num_rows, num_inputs = weight_NK.shape
    weight = torch.zeros(padded(num_rows, ROWS), padded(num_inputs, SPAN))
    weight[:num_rows, :num_inputs] = weight_NK
    counted = torch.ones(weight.shape[1])
    if importance_K is not None:
        counted[:num_inputs] = normalised(importance_K)
    # Groups last: what is done to a group is done to long rows of memory.
    by_place = weight.view(-1, GROUP).T.contiguous()
    weights = counted.view(-1, GROUP).T.repeat(1, len(weight))
    step, low = grids(by_place, weights, 2**bits - 1)
    step, low = step.view(len(weight), -1), low.view(len(weight), -1)
    step_N, low_N = step.amax(1) / FINEST, low.amax(1) / FINEST
    s = (step / step_N.clamp(min=TINY)[:, None]).round().clamp(1, FINEST)
    m = (low / low_N.clamp(min=TINY)[:, None]).round().clamp(0, FINEST)
    unit = (step_N[:, None] * s).view(-1).clamp(min=TINY)
    codes = ((by_place + (low_N[:, None] * m).view(-1)) / unit).round().clamp(0, 2**bits - 1)
    return Levels(
        codes.T.reshape(weight.shape).to(torch.uint8),
        *(s.to(torch.uint8), m.to(torch.uint8), step_N, low_N),
    )


def normalised(importance_K: Tensor) -> Tensor:
    """To a mean of 1, whatever the unit; an input never seen still counts a little."""
    return (importance_K / importance_K.mean().clamp(min=TINY)).clamp(1e-4, 1e4)


TINY = 1e-30


def grids(by_place: Tensor, weights: Tensor, levels: int) -> tuple[Tensor, Tensor]:
    """Step and low of every group [groups] of `by_place` [GROUP, groups], by least squares from
    several beginnings."""
    low, high = by_place.amin(0).clamp(max=0), by_place.amax(0).clamp(min=0)
    total, mean = weights.sum(0), (weights * by_place).sum(0)
    best = torch.full_like(low, float("inf"))
    found = (torch.zeros_like(low), torch.zeros_like(low))
    for more in CANDIDATES:
        step = ((high - low) / (levels + more)).clamp(min=TINY)
        codes = ((by_place - low) / step).round_().clamp_(0, levels)
        weighted = weights * codes
        ones, squares = weighted.sum(0), (weighted * codes).sum(0)
        products = (weighted * by_place).sum(0)
        determinant = (total * squares - ones * ones).clamp(min=TINY)
        step = (total * products - ones * mean) / determinant
        start = (mean - step * ones) / total
        # The lowest point is never above zero: it is stored without a sign.
        above = start > 0
        step = torch.where(above, products / squares.clamp(min=TINY), step)
        start = start.clamp(max=0)
        error = (weights * (codes * step + start - by_place) ** 2).sum(0)
        better = (error < best) & (step >= 0)
        best = torch.where(better, error, best)
        found = (torch.where(better, step, found[0]), torch.where(better, -start, found[1]))
    return found


def pack(levels: Levels, bits: int) -> Packed:
    """The bytes as they lie in the file.

    A block is 16 rows and 64 inputs. At 4 bits its codes are 8 vectors of 64 bytes; in vector j,
    bytes 4r to 4r+3 are row r, their low halves the inputs 8j to 8j+3, their high halves 8j+4 to
    8j+7. At 8 bits they are 16 vectors, bytes 4r to 4r+3 the inputs 4j to 4j+3 of row r. After
    them `s` of the first group's 16 rows and of the second's, and `m` alike.
    """
    num_rows, num_inputs = levels.codes_NK.shape
    num_blocks, num_spans = num_rows // ROWS, num_inputs // SPAN
    codes = levels.codes_NK.view(num_blocks, ROWS, num_spans, -1, 4)
    if bits == 4:
        halves = codes.view(num_blocks, ROWS, num_spans, -1, 2, 4)
        codes = halves[..., 0, :] | (halves[..., 1, :] << 4)
    codes = codes.permute(0, 2, 3, 1, 4).reshape(num_blocks, num_spans, -1)
    fine = [
        part.view(num_blocks, ROWS, num_spans, 2).permute(0, 2, 3, 1).flatten(2)
        for part in (levels.s_NG, levels.m_NG)
    ]
    rows = torch.stack((levels.step_N, levels.low_N)).view(2, num_blocks, ROWS)
    return Packed(
        torch.cat((codes, *fine), dim=2).flatten(1),
        rows.transpose(0, 1).reshape(num_blocks, 2 * ROWS).contiguous(),
    )


def unpack(packed: Packed, bits: int) -> Levels:
    """What `pack` was given, of one matrix."""
    blocks, rows = packed
    num_blocks = len(blocks)
    spans = blocks.view(num_blocks, -1, block_bytes(bits))
    num_spans = spans.shape[1]
    codes = spans[..., : -4 * ROWS].reshape(num_blocks, num_spans, -1, ROWS, 4)
    if bits == 4:
        codes = torch.stack((codes & 15, codes >> 4), dim=4)
        codes = codes.permute(0, 3, 1, 2, 4, 5)
    else:
        codes = codes.permute(0, 3, 1, 2, 4)
    s, m = (
        part.reshape(num_blocks, num_spans, 2, ROWS)
        .permute(0, 3, 1, 2)
        .reshape(num_blocks * ROWS, num_spans * 2)
        for part in spans[..., -4 * ROWS :].split(2 * ROWS, dim=2)
    )
    step, low = rows.view(num_blocks, 2, ROWS).transpose(0, 1).reshape(2, -1)
    return Levels(codes.reshape(num_blocks * ROWS, num_spans * SPAN), s, m, step, low)


def weights_of(packed: Packed, bits: int, num_rows: int, num_inputs: int) -> Tensor:
    """The matrix that the bytes stand for, [N, K] float32."""
    return unpack(packed, bits).weights()[:num_rows, :num_inputs]
