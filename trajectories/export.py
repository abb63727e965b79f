"""A run as training samples: what the model was shown, and what it should have said.

The prompts are built by the renderer the live loop uses, handed in by the
caller, from the log alone.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
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
    earlier: tuple[Path, ...]
    """Those of all the steps before, in order; the prompt shows the last of them, or none."""
    labels: str | None
    """What can be read on it, where that was logged."""
    instruction: str
    score: float | None
    """Of the episode."""


class Sample(NamedTuple):
    messages: list[Message]
    target: str
    """The answer to learn, without an end token."""
    meta: SampleMeta


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which episodes may be learned from."""

    only_successful: bool = True
    """Or such as an expert advised on, whose advice differs from what was done."""
    takeover: bool = False
    """Also those in which a person stepped in."""
    alarm: bool = False
    """Also those in which a guard held something back."""


def why_not(run: RunRecord, episode: Episode, wanted: Wanted) -> str | None:
    """Why an episode is left out; None: it is not."""
    kinds = {guard.kind for guard in episode.guards}
    if run.run.settings.get("reviewed") is False:
        return "not reviewed"
    if episode.damaged:
        return "damaged"
    if "takeover" in kinds and not wanted.takeover:
        return "takeover"
    if "alarm" in kinds and not wanted.alarm:
        return "alarm"
    if wanted.only_successful and not (episode.success or _strayed(episode)):
        return "not successful"
    return None


def samples(run: RunRecord, render: Render, wanted: Wanted | None = None) -> Iterator[Sample]:
    """Every step worth learning from, in order.

    An expert's successful episode teaches every step. Where advice was noted it
    is the target; an episode whose acts differ from the advice teaches even if
    it failed, one that followed it and failed shows that the expert was wrong.
    """
    for number, episode in enumerate(run.episodes):
        if why_not(run, episode, wanted or Wanted()) is None:
            yield from samples_of(run, number, episode, render)


def prompts(episode: Episode, render: Render) -> Iterator[list[Message]]:
    """The messages each answered step was asked with."""
    past = remembered(episode.steps)
    answered = [step for step in episode.steps if step.intent is not None]
    for number, step in enumerate(answered):
        yield render(episode.start.instruction, past[:number], step.image())


def samples_of(run: RunRecord, number: int, episode: Episode, render: Render) -> Iterator[Sample]:
    """The steps of one episode of the run, wanted or not."""
    advised = any(step.advice is not None for step in episode.steps)
    answered = [step for step in episode.steps if step.intent is not None]
    pictures = [blob_path(step.folder, step.observation.image) for step in answered]
    asked = zip(answered, prompts(episode, render), strict=True)
    for place, (step, messages) in enumerate(asked):
        assert step.intent is not None
        # An answer that could not be used is no example, even on the way to success.
        target = step.advice if advised else None if step.error else step.intent.response
        if target is None:
            continue
        meta = SampleMeta(
            run_id=run.run.run_id,
            episode=number,
            task=episode.start.task,
            seed=episode.start.seed,
            step=step.number,
            advised=advised,
            picture=pictures[place],
            earlier=tuple(pictures[:place]),
            labels=step.labels,
            instruction=episode.start.instruction,
            score=None if episode.end is None else episode.end.score,
        )
        yield Sample(messages, target, meta)


def _strayed(episode: Episode) -> bool:
    return any(
        step.advice is not None and step.intent is not None and step.advice != step.intent.response
        for step in episode.steps
    )
