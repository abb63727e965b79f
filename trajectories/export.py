"""A run as training samples: what the model was shown, and what it should have said.

The prompts are built by the renderer the live loop uses, handed in by the
caller, from the log alone.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from model.messages import Message
from trajectories.past import PastStep
from trajectories.reading import Episode, RunRecord, remembered
from trajectories.store import blob_path

Render = Callable[[str, Sequence[PastStep], Image.Image], list[Message]]
"""Instruction, earlier steps, the screenshot of now, to messages: `agent.prompts.render` with
its style bound."""


class SampleMeta(NamedTuple):
    run_id: str
    episode: int
    """Counted from 0 within the run."""
    task: str
    seed: int | None
    step: int
    """Counted from 1."""
    advised: bool
    """The target is an expert's advice, not what was answered."""
    picture: Path
    """The screenshot's file."""
    labels: str | None
    """What can be read on it, where that was logged."""


class Sample(NamedTuple):
    messages: list[Message]
    target: str
    """The answer to learn, without an end token."""
    meta: SampleMeta


def samples(run: RunRecord, render: Render) -> Iterator[Sample]:
    """Every step worth learning from, in order.

    An expert's successful episode teaches every step. Where advice was noted it
    is the target; an episode whose acts differ from the advice teaches even if
    it failed, one that followed it and failed shows that the expert was wrong.
    """
    for number, episode in enumerate(run.episodes):
        if episode.success or _strayed(episode):
            yield from _of_episode(run, number, episode, render)


def prompts(episode: Episode, render: Render) -> Iterator[list[Message]]:
    """The messages each answered step was asked with."""
    past = remembered(episode.steps)
    answered = [step for step in episode.steps if step.intent is not None]
    for number, step in enumerate(answered):
        yield render(episode.start.instruction, past[:number], step.image())


def _of_episode(run: RunRecord, number: int, episode: Episode, render: Render) -> Iterator[Sample]:
    advised = any(step.advice is not None for step in episode.steps)
    for step, messages in zip(episode.steps, prompts(episode, render), strict=False):
        assert step.intent is not None, "prompts() ends before a step without an answer"
        refused = step.outcome is not None and step.outcome.refused is not None
        # An answer that could not be used is no example, even on the way to success.
        answered = None if refused else step.intent.response
        target = step.advice if advised else answered
        if target is None:
            continue
        meta = SampleMeta(
            run_id=run.run.run_id,
            episode=number,
            task=episode.start.task,
            seed=episode.start.seed,
            step=step.number,
            advised=advised,
            picture=blob_path(step.folder, step.observation.image),
            labels=step.labels,
        )
        yield Sample(messages, target, meta)


def _strayed(episode: Episode) -> bool:
    return any(
        step.advice is not None and step.intent is not None and step.advice != step.intent.response
        for step in episode.steps
    )
