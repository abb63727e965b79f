"""Demonstrations: an expert acts, or a learner acts and the expert says what it would have done.

Both go through the same loop and log as every other episode. With noise, some
of the expert's own actions are spoilt before they are performed and its answer
is kept as advice, so that training sees states off the straight path (DART,
https://arxiv.org/abs/1703.09327) and never a mistake as a target.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from agent.action_text import action_text
from agent.coords import to_screen
from agent.events import EpisodeResult
from agent.labels import labels_json
from agent.loop import LoopConfig, no_advice
from agent.miniwob import Job, MiniWob, PageExpert, loop_config
from agent.miniwob_browser import MiniWobBrowser
from agent.noise import spoil
from agent.parser import parse
from agent.policy import Policy
from env.miniwob.reader import read
from env.screen import ScreenSize
from model.messages import Completion, Message, OnText, Sampling
from trajectories.store import RunStore

OpenPolicy = Callable[[str], Policy]
"""A policy by its name, as the command line has it: a folder of weights or "nano"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectConfig:
    out: Path
    """Folder for the run folders, one a worker."""
    model: str = "expert"
    """Who acts: "expert", or a learner whose every step gets the expert's advice."""
    noise: float = 0.0
    """Share of the expert's steps that are spoilt, 0 to 1."""
    reload: bool = False
    """Load the page anew for every episode, as an evaluation does."""
    labels: bool = True
    """Log what can be read on every screenshot, for the network to learn reading from."""
    loop: LoopConfig = field(default_factory=loop_config)

    def __post_init__(self) -> None:
        if not 0.0 <= self.noise <= 1.0:
            raise ValueError(f"noise of {self.noise}; expected a share from 0 to 1")
        if self.noise and self.model != "expert":
            raise ValueError("noise is for the expert; a learner makes mistakes of its own")


@dataclass(frozen=True, slots=True)
class OpenCollector:
    """Opens a worker: a browser, a run folder, a policy. Travels to its process by value."""

    config: CollectConfig
    open_policy: OpenPolicy

    def __call__(self) -> AbstractContextManager[Callable[[Job], EpisodeResult]]:
        return collector(self.config, self.open_policy)


@contextmanager
def collector(
    config: CollectConfig, open_policy: OpenPolicy
) -> Iterator[Callable[[Job], EpisodeResult]]:
    """What runs one job after another into one run folder."""
    learner = None if config.model == "expert" else open_policy(config.model)
    settings = {
        "noise": config.noise,
        "reload": config.reload,
        "loop": config.loop.settings(),
    }
    with (
        # Bulk data can be made again; 3 syncs a step would be most of its time.
        RunStore.create(config.out, policy=config.model, settings=settings, durable=False) as store,
        MiniWobBrowser(store) as browser,
    ):
        yield lambda job: browser.run(job, partial(_play, config, learner, job))


def _play(config: CollectConfig, learner: Policy | None, job: Job, world: MiniWob) -> EpisodeResult:
    def labels() -> str | None:
        return labels_json(read(world.page)) if config.labels else None

    expert = world.expert()
    policy, advisor = learner, expert.advise
    if policy is None:
        policy = noisy = NoisyExpert(expert, world.size, config.noise, random.Random(job.seed))
        advisor = noisy.last_answer if config.noise else no_advice
    return world.run(
        job, policy, config.loop, advisor=advisor, labeller=labels, reload=config.reload
    )


class NoisyExpert:
    """Answers as the expert, now and then with the action spoilt."""

    def __init__(
        self, expert: PageExpert, size: ScreenSize, noise: float, rng: random.Random
    ) -> None:
        self._expert = expert
        self._size = size
        self._noise = noise
        self._rng = rng
        self._answer: str | None = None

    def last_answer(self) -> str | None:
        """What the expert said before it was spoilt."""
        return self._answer

    def complete(
        self, messages: Sequence[Message], *, sampling: Sampling, on_text: OnText | None = None
    ) -> Completion:
        self._answer = self._expert.answer()
        if self._noise and self._rng.random() < self._noise:
            return Completion(text=self._spoilt(self._answer))
        return Completion(text=self._answer)

    def _spoilt(self, answer: str) -> str:
        parsed = parse(answer)
        action = to_screen(parsed.proposals[0], self._size)
        return action_text(
            spoil(action, self._size, self._rng),
            self._size,
            words=parsed.sentence,
            thought=parsed.thought,
        )
