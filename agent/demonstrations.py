"""Trajectory logs as what training takes: the prompt of every step and the expert's answer."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from agent.prompts import PromptStyle, render
from model.messages import ImagePart
from model.train.samples import Conversation, Demonstration, Turn
from trajectories.export import Sample, samples
from trajectories.reading import read_run


def run_folders(root: Path) -> list[Path]:
    """Every run folder at or below `root`.

    Raises:
        FileNotFoundError: there is none.
    """
    folders = sorted(log.parent for log in root.rglob("steps.log"))
    if not folders:
        raise FileNotFoundError(f"no run folder at or below {root}")
    return folders


def demonstrations(root: Path, style: PromptStyle) -> Iterator[Demonstration]:
    """Every step worth learning from, its prompt made by the builder of live prompts.

    Raises:
        FileNotFoundError: no run folder at or below `root`.
        LogDamaged: a log is damaged before its tail.
    """
    for folder in run_folders(root):
        for sample in samples(read_run(folder), partial(render, style)):
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
