import pytest
import torch

from model.train.objective import answer_loss
from model.train.vocabulary import FIRST_PAIR_OF_DIGITS

VOCABULARY = 400


def certain_of(hundredths: int) -> torch.Tensor:
    logits = torch.zeros(1, VOCABULARY)
    logits[0, FIRST_PAIR_OF_DIGITS + hundredths] = 8.0
    return logits


def loss(said: int, meant: int, *, is_coordinate: bool = True) -> float:
    target = torch.tensor([FIRST_PAIR_OF_DIGITS + meant])
    return float(answer_loss(certain_of(said), target, torch.tensor([is_coordinate])))


def test_the_nearer_a_coordinate_the_smaller_the_loss() -> None:
    losses = [loss(52 + off, 52) for off in range(4)]
    assert losses == sorted(losses)
    assert losses[0] < losses[1] - 1.0 < losses[3]


def test_both_sides_are_as_near() -> None:
    assert loss(51, 52) == pytest.approx(loss(53, 52), abs=1e-4)


def test_at_the_edge_no_share_is_lost() -> None:
    # Spread evenly over all of the vocabulary, the loss is the same wherever the target is.
    even = torch.zeros(2, VOCABULARY)
    targets = torch.tensor([FIRST_PAIR_OF_DIGITS, FIRST_PAIR_OF_DIGITS + 50])
    losses = answer_loss(even, targets, torch.tensor([True, True]))
    assert losses.tolist() == pytest.approx([torch.tensor(float(VOCABULARY)).log().item()] * 2)


def test_other_tokens_have_no_neighbours() -> None:
    assert loss(51, 52, is_coordinate=False) == pytest.approx(loss(90, 52, is_coordinate=False))
    logits, targets = torch.randn(3, VOCABULARY), torch.tensor([1, 300, 42])
    plain = torch.nn.functional.cross_entropy(logits, targets, reduction="none")
    nothing = torch.zeros(3, dtype=torch.bool)
    assert torch.allclose(answer_loss(logits, targets, nothing), plain)
    mixed = answer_loss(logits, targets, torch.tensor([False, True, False]))
    assert torch.allclose(mixed[[0, 2]], plain[[0, 2]])
    assert not torch.allclose(mixed[1], plain[1])
