import pytest
import torch
from torch import Tensor

from model.gpu.int4 import Int4Linear, pack, product, quantised, tiles_together, unpack


def one_word_at_a_time(q_NK: Tensor) -> Tensor:
    """The order of `int4mm.cu`, lane by lane as it is written there."""
    num_outputs, num_inputs = q_NK.shape
    tiles = tiles_together(num_inputs)
    words = torch.zeros(
        num_outputs // 8, num_inputs // (16 * tiles), 32, tiles // 2, dtype=torch.int64
    )
    for block, first, lane, pair in torch.cartesian_prod(
        *(torch.arange(size) for size in words.shape)
    ).tolist():
        start = (first * tiles + 2 * pair) * 16 + lane % 4 * 2
        inputs = [start + step for step in (0, 1, 8, 9, 16, 17, 24, 25)]
        values = q_NK[block * 8 + lane // 4, inputs].tolist()
        shifts = (0, 16, 4, 20, 8, 24, 12, 28)
        words[block, first, lane, pair] = sum(v << s for v, s in zip(values, shifts, strict=True))
    return torch.where(words >= 1 << 31, words - (1 << 32), words).to(torch.int32)


@pytest.mark.parametrize(("outputs", "inputs"), [(8, 128), (16, 64), (24, 96), (8, 1408)])
def test_weights_lie_in_the_order_of_the_kernel_and_come_back(outputs: int, inputs: int) -> None:
    q = torch.randint(0, 16, (outputs, inputs), generator=torch.manual_seed(0), dtype=torch.uint8)
    scale = torch.full((outputs, inputs // 32), 0.5)
    packed = pack(q, scale, scale * 3)
    assert torch.equal(packed.weights, one_word_at_a_time(q))
    assert packed.scales.shape == (inputs // 32, outputs, 2)
    assert (packed.num_inputs, packed.group) == (inputs, 32)
    assert torch.equal(unpack(packed, torch.float32), (q.float() - 8) * 0.5 + 1.5)


def test_several_matrices_are_packed_as_one_by_one() -> None:
    weights = torch.randn(3, 16, 128, generator=torch.manual_seed(0))
    together = quantised(weights)
    for place, weight in enumerate(weights):
        alone = quantised(weight)
        assert torch.equal(together.weights[place], alone.weights)
        assert torch.equal(together.scales[:, place], alone.scales)
    assert torch.equal(unpack(together)[1], unpack(quantised(weights[1])))


def test_rounding_loses_a_tenth_of_gaussian_weights_and_nothing_of_sixteen_values() -> None:
    weights = torch.randn(64, 1024, generator=torch.manual_seed(0))
    lost = (unpack(quantised(weights), torch.float32) - weights).norm() / weights.norm()
    assert 0.08 < lost < 0.095
    steps = torch.arange(64).remainder(16).float().expand(8, -1) / 4 - 1
    assert torch.equal(unpack(quantised(steps), torch.float32), steps)


def test_a_linear_layer_of_four_bits_multiplies_with_what_was_packed() -> None:
    torch.manual_seed(0)
    linear = torch.nn.Linear(128, 24, bias=False)
    x = torch.randn(2, 3, 128)
    packed = quantised(linear.weight.detach())
    found = Int4Linear.of(linear, torch.device("cpu"))(x)
    right = x @ unpack(packed, torch.float32).T
    assert torch.allclose(found, right, atol=1e-5)
    assert torch.allclose(product(x[0], packed), right[0], atol=1e-5)


@pytest.mark.parametrize(("outputs", "inputs"), [(12, 128), (8, 48)])
def test_sizes_the_kernel_does_not_take_are_refused(outputs: int, inputs: int) -> None:
    with pytest.raises(ValueError, match="multiple"):
        pack(torch.zeros(outputs, inputs, dtype=torch.uint8), torch.ones(1), torch.ones(1))
