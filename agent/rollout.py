"""Rollouts: the policy tries each problem several times, sampling; what came out is in the log.

Everything goes through the ordinary loop. Learning reads the ids and their probabilities from the
log, as they were drawn, and the prompts as the log renders them.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from agent.collect import OpenPolicy
from agent.events import EpisodeResult
from agent.loop import LoopConfig
from agent.miniwob import Job, MiniWob, loop_config
from agent.miniwob_browser import MiniWobBrowser
from agent.policy import Policy
from agent.prompts import PromptStyle, render
from agent.workers import run_jobs
from model.messages import Completion, Message, OnText, Sampling, TextPart
from model.train.samples import Answer, Attempt
from trajectories.export import prompts
from trajectories.reading import Episode, read_runs
from trajectories.store import RunStore, blob_path


class RolloutJob(NamedTuple):
    job: Job
    attempt: int
    """Counted from 0; decides, with the job, what is sampled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutConfig:
    out: Path
    """Folder for the run folders, one a worker."""
    model: str
    max_steps: int = 12
    temperature: float = 1.0
    """1: as the network's own probabilities are. Below it attempts are nearer to what is done
    greedily, so that what tells them apart is less often a slip that greedy acting never makes."""

    def __post_init__(self) -> None:
        if self.temperature <= 0:
            raise ValueError(f"a temperature of {self.temperature}; expected above 0")

    def loop(self) -> LoopConfig:
        config = loop_config(max_steps=self.max_steps)
        sampling = replace(config.sampling, temperature=self.temperature)
        return replace(config, sampling=sampling)


def rollouts(
    jobs: Sequence[Job],
    num_attempts: int,
    config: RolloutConfig,
    open_policy: OpenPolicy,
    num_workers: int,
) -> Iterator[EpisodeResult]:
    """Every job, so many times; results as they come.

    Raises:
        WorkerDied: see `agent.workers.run_jobs`.
    """
    tries = [RolloutJob(job, number) for job in jobs for number in range(num_attempts)]
    yield from run_jobs(tries, OpenRollouts(config, open_policy), num_workers)


@dataclass(frozen=True, slots=True)
class OpenRollouts:
    """Opens a worker. Travels to its process by value."""

    config: RolloutConfig
    open_policy: OpenPolicy

    def __call__(self) -> AbstractContextManager[Callable[[RolloutJob], EpisodeResult]]:
        return _worker(self.config, self.open_policy)


@contextmanager
def _worker(
    config: RolloutConfig, open_policy: OpenPolicy
) -> Iterator[Callable[[RolloutJob], EpisodeResult]]:
    policy = open_policy(config.model)
    loop = config.loop()
    settings = {"loop": loop.settings()}
    with (
        # As in collecting: it can be rolled out again, and 3 syncs a step would cost more.
        RunStore.create(config.out, policy=config.model, settings=settings, durable=False) as store,
        MiniWobBrowser(store) as browser,
    ):

        def play(tried: RolloutJob, world: MiniWob) -> EpisodeResult:
            rng = random.Random(f"{tried.job.task}/{tried.job.seed}/{tried.attempt}")
            return world.run(tried.job, Sampler(policy, rng), loop, reload=False)

        yield lambda tried: browser.run(tried.job, partial(play, tried))


class Sampler:
    """Gives every answer of an episode a seed of its own, so that the episode can be had again."""

    def __init__(self, policy: Policy, rng: random.Random) -> None:
        self._policy = policy
        self._rng = rng

    def complete(
        self, messages: Sequence[Message], *, sampling: Sampling, on_text: OnText | None = None
    ) -> Completion:
        seeded = replace(sampling, seed=self._rng.getrandbits(31))
        return self._policy.complete(messages, sampling=seeded, on_text=on_text)


def attempts(root: Path, style: PromptStyle) -> Iterator[Attempt]:
    """The scored episodes of the runs at or below `root`, to learn from.

    Raises:
        ValueError: an answer without ids: its policy tells none, and text is not enough.
    """
    for run in read_runs(root):
        for episode in run.episodes:
            if episode.end is not None and episode.end.score is not None:
                yield _attempt(episode, episode.end.score, style)


def _attempt(episode: Episode, score: float, style: PromptStyle) -> Attempt:
    answered = [step for step in episode.steps if step.intent is not None]
    answers = []
    for step, messages in zip(answered, prompts(episode, partial(render, style)), strict=True):
        assert step.intent is not None
        if not step.intent.token_ids:
            raise ValueError(
                f"{episode.name}, step {step.number}: no token ids in the log; learning from"
                " rewards needs a model that tells what it sampled"
            )
        opening, asked = messages
        answers.append(
            Answer(
                system=opening.text,
                picture=blob_path(step.folder, step.observation.image),
                prompt="".join(part.text for part in asked.parts if isinstance(part, TextPart)),
                token_ids=tuple(step.intent.token_ids),
                log_probs=tuple(step.intent.log_probs),
                num_prompt_tokens=step.intent.num_prompt_tokens,
            )
        )
    return Attempt(
        problem=f"{episode.start.task}/{episode.start.seed}",
        task=episode.start.task,
        reward=1.0 if score > 0 else 0.0,
        answers=tuple(answers),
    )
