import math

import pytest
import torch
from torch import nn

from model.train.agreed import AgreedDescent, agreement


@pytest.fixture
def layer() -> nn.Linear:
    layer = nn.Linear(3, 2)
    with torch.no_grad():
        layer.weight.fill_(1.0)
        layer.bias.fill_(1.0)
    return layer


def give(layer: nn.Linear, weight: list[list[float]], bias: list[float]) -> None:
    layer.weight.grad = torch.tensor(weight)
    layer.bias.grad = torch.tensor(bias)


DIAGONAL = [[300.0, 0.0, 0.0], [0.0, 400.0, 0.0]]


def test_every_tensor_moves_against_its_gradient_and_as_far_as_the_others(
    layer: nn.Linear,
) -> None:
    descent = AgreedDescent(layer)
    give(layer, DIAGONAL, [1e-3, -1e-3])
    descent.gather()
    norm, agreed = descent.step(0.1)
    assert norm == pytest.approx(500.0)
    assert agreed == pytest.approx(1.0)
    moved = 1.0 - layer.weight.detach()
    assert moved.square().mean().sqrt().item() == pytest.approx(0.1)
    assert torch.allclose(moved[0, 0] / moved[1, 1], torch.tensor(0.75))
    assert torch.allclose(layer.bias.detach(), torch.tensor([0.9, 1.1]))
    assert layer.weight.grad is None


def test_where_parts_contradict_each_other_nothing_moves(layer: nn.Linear) -> None:
    descent = AgreedDescent(layer)
    for sign in (1.0, -1.0, 1.0):
        give(layer, DIAGONAL, [sign, 2.0 * sign])
        descent.gather()
    descent.step(0.1)
    moved = 1.0 - layer.weight.detach()
    assert moved.square().mean().sqrt().item() == pytest.approx(0.1), "all parts say the same"
    assert torch.equal(layer.bias.detach(), torch.ones(2))


def test_agreement_is_the_cosine_with_what_noisy_parts_have_in_common() -> None:
    noise = torch.Generator().manual_seed(3)
    common = torch.randn(20_000, generator=noise)
    parts = [common + 4.0 * torch.randn(20_000, generator=noise) for _ in range(8)]
    total = sum(parts, torch.zeros(20_000))
    cosine = float(total @ common / (total.norm() * common.norm()))
    squares = sum(float(part.square().sum()) for part in parts)
    assert agreement(float(total.square().sum()), squares, 8) == pytest.approx(cosine, abs=0.02)
    assert cosine == pytest.approx(1 / math.sqrt(3), abs=0.02)


def test_parts_are_forgotten_once_they_were_followed(layer: nn.Linear) -> None:
    descent = AgreedDescent(layer)
    give(layer, DIAGONAL, [1.0, 1.0])
    descent.gather()
    descent.step(0.1)
    assert descent.step(0.1) == (0.0, 0.0)
    assert torch.allclose(layer.bias.detach(), torch.tensor([0.9, 0.9]))


def test_a_step_that_went_too_far_is_halved_and_halved_again(layer: nn.Linear) -> None:
    descent = AgreedDescent(layer)
    give(layer, DIAGONAL, [1e-3, -1e-3])
    descent.gather()
    descent.step(0.4)
    descent.halve()
    assert torch.allclose(layer.bias.detach(), torch.tensor([0.8, 1.2]))
    descent.halve()
    assert torch.allclose(layer.bias.detach(), torch.tensor([0.9, 1.1]))


def test_what_has_no_gradient_stays(layer: nn.Linear) -> None:
    layer.weight.grad = torch.zeros_like(layer.weight)
    descent = AgreedDescent(layer)
    descent.gather()
    assert descent.step(0.1)[0] == 0.0
    assert torch.equal(layer.weight.detach(), torch.ones(2, 3))
