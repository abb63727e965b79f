"""Trajectory logs as what training takes: the prompt of every step and the expert's answer."""

from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from agent.prompts import PromptStyle, render
from model.messages import ImagePart
from model.train.samples import Conversation, Demonstration, Turn
from trajectories.export import Sample, samples
from trajectories.reading import read_runs


def demonstrations(root: Path, style: PromptStyle) -> Iterator[Demonstration]:
    """Every step worth learning from, its prompt made by the builder of live prompts.

    Raises:
        RunNotFound: no run folder at or below `root`.
        LogDamaged: a log is damaged before its tail.
    """
    for run in read_runs(root):
        for sample in samples(run, partial(render, style)):
            yield _demonstration(sample)


def _demonstration(sample: Sample) -> Demonstration:
    opening, asked = sample.messages
    assert isinstance(asked.parts[0], ImagePart), "the picture comes first in a prompt"
    assert len(asked.parts) == 2, "one picture and one text"
    return Demonstration(
        conversation=Conversation(
            system=opening.text,
            picture=sample.meta.picture,
            turns=(Turn(asked.text, sample.target),),
            source=sample.meta.task,
        ),
        labels=sample.meta.labels,
    )


def texts_by_task(root: Path) -> dict[str, list[str]]:
    """Every instruction and answer of the runs at or below `root`, by task."""
    texts: defaultdict[str, list[str]] = defaultdict(list)
    for run in read_runs(root):
        for episode in run.episodes:
            told = texts[episode.start.task]
            told.append(episode.start.instruction)
            told += [step.intent.response for step in episode.steps if step.intent is not None]
    return dict(texts)
