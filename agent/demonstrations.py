"""Trajectory logs as what training takes: the prompt of every step and the expert's answer."""

from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from agent.prompts import PromptStyle, render
from model.messages import ImagePart
from model.train.samples import Conversation, Demonstration, Turn
from trajectories.export import Sample, samples
from trajectories.formats.sample_files import sample_lines
from trajectories.reading import read_runs


def demonstrations(
    root: Path, style: PromptStyle, *, only_by: str | None = None
) -> Iterator[Demonstration]:
    """Every step worth learning from, its prompt made by the builder of live prompts.

    Args:
        only_by: of the runs in which this policy acted; None: of all.

    Raises:
        RunNotFound: no run folder at or below `root`.
        LogDamaged: a log is damaged before its tail.
    """
    for run in read_runs(root):
        if only_by is not None and run.run.policy != only_by:
            continue
        for sample in samples(run, partial(render, style)):
            yield demonstration_of(sample)


def exported_demonstrations(path: Path) -> Iterator[Demonstration]:
    """The samples of a file `main.py export --format sft` wrote, its pictures left where they lie.

    Raises:
        FormatError: a line that is none.
        ValueError: a prompt that is not one picture and one text; ours learns from no other.
    """
    for number, line in enumerate(sample_lines(path), start=1):
        roles = [message.role for message in line.messages]
        if roles != ["system", "user", "assistant"] or len(line.pictures) != 1:
            raise ValueError(
                f"{path}:{number}: {roles} with {len(line.pictures)} pictures; expected a system"
                " text, a user's picture and text, and an answer (export with --style nano)"
            )
        opening, asked, answer = line.messages
        yield Demonstration(
            conversation=Conversation(
                system=opening.text,
                picture=line.pictures[0],
                turns=(Turn(asked.text, answer.text),),
                source=str(line.meta.get("task", "")),
            ),
            labels=line.meta.get("labels"),
        )


def demonstration_of(sample: Sample) -> Demonstration:
    """What was asked, and what should have been said."""
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
