"""One iteration of learning from rewards: attempts in, a better policy out."""

import random
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from model.images import ImageProcessor
from model.kimi_vl import KimiVL
from model.tokenizer import Tokenizer
from model.train.agreed import AgreedDescent
from model.train.batches import logits_of, packed
from model.train.documents import Document, Reader
from model.train.fitting import trainable
from model.train.mirror_descent import (
    advantages,
    answer_log_probs,
    by_problem,
    surrogate,
)
from model.train.recipe import TOKENIZER_FILE
from model.train.samples import Attempt

MOST_HALVINGS = 8
"""Of a step that goes too far."""
MOST_PARTS = 8
"""Of a step, whose gradients are compared: the more, the less is left to chance in it, and the less
a part has to tell."""
MOST_CHECKED = 12
"""Forward passes, of all that a step learned from, that tell how far it went."""
PACK_TOKENS = 4096
"""Of a forward pass; memory, not what is learned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorDescent:
    """How an iteration learns."""

    temperature: float = 0.1
    """tau: what a nat of drift from the iteration's start costs. The paper prints none."""
    hold: float = 1.0
    """The same for attempts at what is not practised, which have no reward: above tau, since
    they pull back to where practice began, and a nat of drift is far from there."""
    sampling_temperature: float = 1.0
    """At which the attempts were drawn. The gradient is that of the policy so tempered. Of 45
    tokens of a young network's answer 2.8 come from below 5 % at 1: its attempts differ by slips
    that it never makes when it acts, and the gradients of two problems have a cosine of 0.00, where
    they have 0.17 at a half."""
    learning_rate: float = 1e-4
    """Root mean square of what a weight moves in a step where all agree, however long its gradient
    is; less where answers would drift too far."""
    most_drift: float = 0.5
    """Nats an answer's log probability may change in a step, on average. The same step moves one
    network ten times as far as another."""
    problems_a_step: int = 128
    """The fewer, the more of a step is chance."""
    length_weight: float = 0.0
    """Of the length reward; off at first in the paper, then constant."""
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.temperature, self.hold) < 0:
            raise ValueError(
                f"temperature {self.temperature}, hold {self.hold}; expected 0 or more"
            )
        positive = (self.learning_rate, self.most_drift, self.sampling_temperature)
        if min(positive) <= 0 or self.problems_a_step < 1:
            raise ValueError(
                f"learning rate {self.learning_rate}, at most {self.most_drift} nats of drift,"
                f" attempts drawn at {self.sampling_temperature}, {self.problems_a_step} problems a"
                " step; expected above 0, above 0, above 0, 1 or more"
            )


@dataclass(frozen=True, slots=True)
class _Weighed:
    document: Document
    advantage: float
    started: float
    """Log probability of the answer when it was drawn."""
    temperature: float


def reinforce(
    init: Path,
    attempts: Sequence[Attempt],
    config: MirrorDescent,
    out: Path,
    *,
    held: Sequence[Attempt] = (),
    threads: int = 1,
) -> dict[str, float]:
    """Learn from the attempts of the policy in `init`; the next policy lies in `out`.

    Nothing of the steps before is remembered, as the paper's optimizer begins anew. Weights are
    written in float32: what an iteration moves is less than bfloat16 can hold.

    Args:
        held: attempts at other problems by the policy that practice began with, whose answers are
            to stay as likely as they were.

    Raises:
        CheckpointError: nothing usable in `init`.
        ValueError: attempts that are another policy's, or all alike.
    """
    torch.set_num_threads(threads)
    network = trainable(init, torch.float32)
    learner = Learner(network, Tokenizer.from_file(init / TOKENIZER_FILE), config)
    told = learner.learn(by_problem(attempts), held)
    network.save_pretrained(out, dtype=torch.float32)
    shutil.copyfile(init / TOKENIZER_FILE, out / TOKENIZER_FILE)
    return told


_Group = tuple[Sequence[Attempt], list[float]]
"""Attempts at one problem, and how much better than their mean each was."""


class Learner:
    def __init__(self, network: KimiVL, tokenizer: Tokenizer, config: MirrorDescent) -> None:
        self.network, self.config = network, config
        size = network.config
        images = ImageProcessor(size.in_token_limit, size.vision.patch_size)
        self.read = Reader(tokenizer, images)
        # The routers' balance stays: moving it would move the policy for nothing.
        self.optimizer = AgreedDescent(network)

    def learn(
        self, groups: Sequence[Sequence[Attempt]], held: Sequence[Attempt] = ()
    ) -> dict[str, float]:
        """Once through all groups that have both better and worse attempts, beside every second of
        which goes an attempt that is held. After the first step, where they have no gradient yet,
        as many of the other groups hold the policy where it was."""
        telling: list[_Group] = []
        alike: list[_Group] = []
        for group in groups:
            told = advantages(group, self.config.length_weight)
            (telling if any(told) else alike).append((group, told))
        if not telling:
            raise ValueError(
                f"{len(groups)} problems, in each all attempts equally good: nothing to learn from"
            )
        rng = random.Random(self.config.seed)
        rng.shuffle(alike)
        rng.shuffle(telling)
        size = self.config.problems_a_step
        first, rest = telling[:size], telling[size:]
        later = [*rest, *alike[: len(rest)]]
        rng.shuffle(later)
        chosen = [*first, *later]
        beside = rng.sample(list(held), min(len(held), len(chosen) // 2))
        steps = [
            self._step(chosen[start : start + size], beside[start // 2 : (start + size) // 2])
            for start in range(0, len(chosen), size)
        ]
        return {
            "problems": len(groups),
            "telling": len(telling),
            "steps": len(steps),
            "reward": sum(a.reward for group in groups for a in group)
            / sum(len(group) for group in groups),
            "drift": steps[-1]["drift"],
            "first_drift": steps[0]["drift"],
            "change": sum(step["change"] for step in steps) / len(steps),
            "gradient_norm": sum(step["norm"] for step in steps) / len(steps),
            "agreed": sum(step["agreed"] for step in steps) / len(steps),
        }

    def _step(self, groups: Sequence[_Group], held: Sequence[Attempt]) -> dict[str, float]:
        """Mean absolute drift of the answers before the step, and their change by it; the
        gradient's norm, and how far parts of the step agreed on it."""
        num_attempts = sum(len(group) for group, _ in groups)
        num_parts = min(MOST_PARTS, len(groups))
        drifts, before, packs = [], [], []
        for part in range(num_parts):
            for pack in _packs(self._weighed(groups[part::num_parts], held[part::num_parts])):
                documents = [each.document for each in pack]
                rewarded_Y, log_probs_Y = self._log_probs(
                    documents, (self.config.sampling_temperature, 1.0)
                )
                started_Y = torch.tensor([each.started for each in pack])
                advantages_Y = torch.tensor([each.advantage for each in pack])
                temperatures_Y = torch.tensor([each.temperature for each in pack])
                losses_Y = surrogate(
                    rewarded_Y, log_probs_Y, started_Y, advantages_Y, temperatures_Y
                )
                (losses_Y.sum() / num_attempts).backward()
                drifts += (log_probs_Y.detach() - started_Y).abs().tolist()
                before.append(log_probs_Y.detach())
                packs.append(pack)
            self.optimizer.gather()
        norm, agreed = self.optimizer.step(self.config.learning_rate)
        spread = slice(None, None, -(-len(packs) // MOST_CHECKED))
        for _ in range(MOST_HALVINGS):
            change = self._change(packs[spread], before[spread])
            if change <= self.config.most_drift:
                break
            self.optimizer.halve()
        return {
            "drift": sum(drifts) / len(drifts),
            "change": change,
            "norm": norm,
            "agreed": agreed,
        }

    @torch.no_grad()
    def _change(self, packs: Sequence[Sequence[_Weighed]], before: Sequence[Tensor]) -> float:
        """Of the log probability of an answer, on average."""
        found = [
            (self.log_probs([each.document for each in pack]) - earlier_Y).abs()
            for pack, earlier_Y in zip(packs, before, strict=True)
        ]
        return float(torch.cat(found).mean())

    def _weighed(self, groups: Sequence[_Group], held: Sequence[Attempt]) -> Iterator[_Weighed]:
        for group, told in groups:
            for attempt, advantage in zip(group, told, strict=True):
                yield from self._answers(attempt, advantage, self.config.temperature)
        for attempt in held:
            yield from self._answers(attempt, 0.0, self.config.hold)

    def _answers(
        self, attempt: Attempt, advantage: float, temperature: float
    ) -> Iterator[_Weighed]:
        for answer in attempt.answers:
            document = self.read.answered(answer)
            yield _Weighed(document, advantage, sum(answer.log_probs), temperature)

    def log_probs(self, documents: Sequence[Document]) -> Tensor:
        """Of each whole answer, at temperature 1."""
        return self._log_probs(documents, (1.0,))[0]

    def _log_probs(
        self, documents: Sequence[Document], temperatures: Sequence[float]
    ) -> list[Tensor]:
        batch = packed(documents)
        features = None
        if batch.pixel_values is not None:
            patches = self.network.vision_tower(batch.pixel_values, batch.grids)
            features = self.network.project(patches, batch.grids, batch.shown)
        embedded = self.network.merge(batch.input_ids_BT, features)
        logits = logits_of(self.network, batch, embedded)
        counts = [sum(document.tokens.is_learned) for document in documents]
        targets = batch.learned.targets_P
        return [answer_log_probs(logits / each, targets, counts) for each in temperatures]


def _packs(weighed: Iterable[_Weighed]) -> list[list[_Weighed]]:
    packs: list[list[_Weighed]] = []
    room = 0
    for each in weighed:
        if not packs or each.document.num_tokens > room:
            packs.append([])
            room = PACK_TOKENS
        packs[-1].append(each)
        room -= each.document.num_tokens
    return packs
