"""Weights on a grid: how near, how many bytes, and that the bytes are what they stand for."""

import pytest
import torch

from model.kernels.plain import PlainKernels
from model.quantized.grid import Packed, levels_of, pack, packed_shape, unpack, weights_of

Q4_K_ON_GAUSSIAN = 0.077
"""Relative error of llama.cpp's at the same 4.5 bits a weight (groups of 32 by their extremes)."""
Q8_0_ON_GAUSSIAN = 0.0048


@pytest.fixture(scope="module")
def gaussian() -> torch.Tensor:
    return torch.randn(48, 512, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("bits", "most"), [(4, Q4_K_ON_GAUSSIAN), (8, Q8_0_ON_GAUSSIAN)])
def test_the_error_is_no_worse_than_llama_cpps_at_the_same_bits(
    gaussian: torch.Tensor, bits: int, most: float
) -> None:
    fitted = PlainKernels().fit(gaussian, bits, None)
    assert (fitted.squared_error / fitted.squared) ** 0.5 < most
    assert fitted.packed.blocks.numel() * 8 / gaussian.numel() == bits + 0.5


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("shape", [(16, 64), (33, 100), (1, 1)])
def test_what_is_packed_is_unpacked(bits: int, shape: tuple[int, int]) -> None:
    weight = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    levels = levels_of(weight, bits)
    packed = pack(levels, bits)
    assert tuple(packed.blocks.shape) == packed_shape(*shape, bits)
    assert all(map(torch.equal, levels, unpack(packed, bits)))
    assert weights_of(packed, bits, *shape).shape == shape


def test_a_byte_lies_where_the_layout_says() -> None:
    weight = torch.zeros(16, 64)
    weight[3, 13] = 1.0
    blocks = pack(levels_of(weight, 4), 4).blocks
    # Vector 1 has the inputs 8 to 15; row 3 its bytes 12 to 15; input 13 is a high half.
    assert blocks[0, 64 + 12 + 1] == 15 << 4
    assert blocks[0, :512].count_nonzero() == 1


@pytest.mark.parametrize("bits", [4, 8])
def test_zeros_stay_zeros_and_one_sign_stays_one_sign(bits: int) -> None:
    for weight in (torch.zeros(16, 64), torch.full((16, 64), 0.25), torch.full((16, 64), -0.25)):
        found = weights_of(pack(levels_of(weight, bits), bits), bits, 16, 64)
        torch.testing.assert_close(found, weight, rtol=1e-2, atol=0.0)


def test_inputs_that_weigh_more_are_met_better(gaussian: torch.Tensor) -> None:
    importance = torch.ones(512)
    importance[::8] = 100.0
    plain, weighed = (
        weights_of(pack(levels_of(gaussian, 4, given), 4), 4, 48, 512) - gaussian
        for given in (None, importance)
    )
    assert weighed[:, ::8].norm() < 0.9 * plain[:, ::8].norm()


def test_the_plain_product_is_that_of_the_weights_it_stands_for(gaussian: torch.Tensor) -> None:
    kernels = PlainKernels()
    packed = kernels.fit(gaussian, 8, None).packed
    x = torch.randn(3, 512, generator=torch.Generator().manual_seed(2))
    exact = x @ weights_of(packed, 8, 48, 512).T
    found = kernels.linear(x, Packed(*packed), 8, 48)
    assert (found - exact).norm() < 0.01 * exact.norm()
