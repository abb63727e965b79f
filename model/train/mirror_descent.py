"""Learning from rewards: online policy mirror descent, as Kimi-VL and Kimi k1.5 do it.

An iteration fixes the policy it begins with, has it try each problem k times, and then maximises
the reward less a relative entropy to that policy. The surrogate's gradient for an answer y is

    (r - mean r) * grad log p(y)  -  tau/2 * grad (log p(y) - log p_start(y))^2

with the mean reward of the k attempts as the baseline and no network of values (arXiv 2501.12599).
An episode has several answers: each is weighed by its episode's reward, and the relative entropy
is taken answer by answer.
"""

from collections import defaultdict
from collections.abc import Sequence

import torch
from torch import Tensor

from model.train.samples import Attempt


def by_problem(attempts: Sequence[Attempt]) -> list[list[Attempt]]:
    """Attempts at the same problem together, in the order they came."""
    groups: defaultdict[str, list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        groups[attempt.problem].append(attempt)
    return list(groups.values())


def length_rewards(attempts: Sequence[Attempt]) -> list[float]:
    """The shorter of the attempts at one problem get more: from 0.5 to -0.5, failures never
    more than 0; all 0 where they are equally long."""
    lengths = [attempt.num_tokens for attempt in attempts]
    shortest, longest = min(lengths), max(lengths)
    if shortest == longest:
        return [0.0] * len(attempts)
    found = []
    for attempt, length in zip(attempts, lengths, strict=True):
        reward = 0.5 - (length - shortest) / (longest - shortest)
        found.append(reward if attempt.reward > 0 else min(0.0, reward))
    return found


def advantages(attempts: Sequence[Attempt], length_weight: float) -> list[float]:
    """Each attempt's reward above the mean of those at the same problem."""
    extra = length_rewards(attempts)
    rewards = [a.reward + length_weight * more for a, more in zip(attempts, extra, strict=True)]
    mean = sum(rewards) / len(rewards)
    return [reward - mean for reward in rewards]


def surrogate(
    rewarded_Y: Tensor,
    log_probs_Y: Tensor,
    started_Y: Tensor,
    advantages_Y: Tensor,
    temperatures_Y: Tensor,
) -> Tensor:
    """What is minimised, one number an answer (Y of them).

    Args:
        rewarded_Y: log probability of each answer now, under gradients, at the temperature it was
            drawn at; what is rewarded is the policy that acted.
        log_probs_Y: the same at temperature 1.
        started_Y: the same when the iteration began, as the log has them.
        temperatures_Y: tau, the weight of the relative entropy.
    """
    drift_Y = log_probs_Y - started_Y
    return -(advantages_Y * rewarded_Y - temperatures_Y / 2 * drift_Y.square())


def answer_log_probs(logits_PV: Tensor, targets_P: Tensor, counts: Sequence[int]) -> Tensor:
    """Log probability of each whole answer, [Y].

    Args:
        logits_PV: for every token of the answers, one answer after another.
        counts: tokens of each answer.
    """
    tokens_P = logits_PV.log_softmax(-1).gather(-1, targets_P[:, None]).squeeze(-1)
    return torch.stack([part.sum() for part in tokens_P.split(list(counts))])
