from pathlib import Path

import pytest
import torch

from model.train.mirror_descent import (
    advantages,
    answer_log_probs,
    by_problem,
    length_rewards,
    surrogate,
)
from model.train.samples import Answer, Attempt


def attempt(reward: float, length: int = 4, problem: str = "a/1") -> Attempt:
    answer = Answer(
        system="s",
        picture=Path("x.png"),
        prompt="p",
        token_ids=(1,) * length,
        log_probs=(-0.5,) * length,
        num_prompt_tokens=9,
    )
    return Attempt(problem=problem, task="a", reward=reward, answers=(answer,))


def test_advantages_are_what_is_above_the_mean() -> None:
    assert advantages([attempt(1), attempt(0), attempt(0), attempt(1)], 0.0) == [
        0.5,
        -0.5,
        -0.5,
        0.5,
    ]
    assert advantages([attempt(1), attempt(1)], 0.0) == [0.0, 0.0]


@pytest.mark.parametrize(
    ("tried", "expected"),
    [
        ([(1, 10), (1, 20), (1, 30)], [0.5, 0.0, -0.5]),
        # A short failure gets nothing for being short.
        ([(0, 10), (1, 20), (0, 30)], [0.0, 0.0, -0.5]),
        ([(1, 7), (0, 7)], [0.0, 0.0]),
    ],
)
def test_shorter_is_better_but_not_for_failing(
    tried: list[tuple[int, int]], expected: list[float]
) -> None:
    assert length_rewards([attempt(*each) for each in tried]) == expected


def test_attempts_are_compared_with_those_at_the_same_problem() -> None:
    groups = by_problem([attempt(1, problem="a/1"), attempt(0, problem="a/2"), attempt(0)])
    assert [[a.reward for a in group] for group in groups] == [[1, 0], [0]]


def test_the_surrogate_s_gradient_is_the_paper_s() -> None:
    now = torch.tensor([-1.0, -2.0], requires_grad=True)
    started, better = torch.tensor([-1.5, -2.0]), torch.tensor([0.25, -0.75])
    surrogate(now, now, started, better, torch.tensor([0.2, 0.5])).sum().backward()
    # Minimised: minus (r - mean) - tau (log p - log p_start), times the gradient of log p.
    assert now.grad is not None
    drift = now.detach() - started
    assert torch.allclose(-now.grad, better - torch.tensor([0.2, 0.5]) * drift)


def test_where_nothing_has_moved_only_the_reward_pulls() -> None:
    now = torch.tensor([-1.0], requires_grad=True)
    nothing, better = torch.tensor([-1.0]), torch.tensor([0.0])
    surrogate(now, now, nothing, better, torch.tensor([0.5])).sum().backward()
    assert now.grad is not None
    assert now.grad.item() == 0.0


def test_what_is_rewarded_is_the_policy_as_it_was_drawn_from() -> None:
    drawn, plain = (torch.tensor([-1.0], requires_grad=True) for _ in range(2))
    nothing, better = torch.tensor([-1.5]), torch.tensor([0.25])
    surrogate(drawn, plain, nothing, better, torch.tensor([0.2])).sum().backward()
    assert drawn.grad is not None
    assert plain.grad is not None
    assert drawn.grad.item() == pytest.approx(-0.25), "the reward, at its temperature"
    assert plain.grad.item() == pytest.approx(0.2 * 0.5), "the relative entropy, at 1"


def test_an_answer_s_probability_is_the_product_of_its_tokens() -> None:
    torch.manual_seed(0)
    logits, targets = torch.randn(5, 7), torch.tensor([0, 1, 2, 3, 4])
    told = answer_log_probs(logits, targets, (2, 3))
    each = logits.log_softmax(-1)[torch.arange(5), targets]
    assert torch.allclose(told, torch.stack([each[:2].sum(), each[2:].sum()]))
