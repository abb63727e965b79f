import pytest
import torch
from torch import nn

from model.train.normalized import NormalizedDescent


@pytest.fixture
def layer() -> nn.Linear:
    layer = nn.Linear(3, 2)
    with torch.no_grad():
        layer.weight.fill_(1.0)
        layer.bias.fill_(1.0)
    return layer


def set_gradients(layer: nn.Linear) -> None:
    layer.weight.grad = torch.tensor([[300.0, 0.0, 0.0], [0.0, 400.0, 0.0]])
    layer.bias.grad = torch.tensor([1e-3, -1e-3])


def test_every_tensor_moves_against_its_gradient_and_as_far_as_the_others(
    layer: nn.Linear,
) -> None:
    set_gradients(layer)
    norm = NormalizedDescent(layer).step(0.1)
    assert norm == pytest.approx(500.0)
    moved = 1.0 - layer.weight.detach()
    assert moved.square().mean().sqrt().item() == pytest.approx(0.1)
    assert torch.allclose(moved[0, 0] / moved[1, 1], torch.tensor(0.75))
    assert torch.allclose(layer.bias.detach(), torch.tensor([0.9, 1.1]))
    assert layer.weight.grad is None


def test_a_step_that_went_too_far_is_halved_and_halved_again(layer: nn.Linear) -> None:
    set_gradients(layer)
    descent = NormalizedDescent(layer)
    descent.step(0.4)
    descent.halve()
    assert torch.allclose(layer.bias.detach(), torch.tensor([0.8, 1.2]))
    descent.halve()
    assert torch.allclose(layer.bias.detach(), torch.tensor([0.9, 1.1]))


def test_what_has_no_gradient_stays(layer: nn.Linear) -> None:
    layer.weight.grad = torch.zeros_like(layer.weight)
    assert NormalizedDescent(layer).step(0.1) == 0.0
    assert torch.equal(layer.weight.detach(), torch.ones(2, 3))
