"""Trajectory logs as what training takes: the prompt of every step and the expert's answer."""

import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from agent.prompts import PromptStyle, render
from model.messages import Message
from model.train.samples import Conversation, Demonstration, Recalled, Turn
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
        ValueError: a prompt that none of our styles makes.
    """
    for number, line in enumerate(sample_lines(path), start=1):
        *prompt, answer = line.messages
        roles = [message.role for message in prompt]
        if not _is_ours(prompt) or roles.count("user") != len(line.pictures):
            raise ValueError(
                f"{path}:{number}: {roles} with {len(line.pictures)} pictures; expected a system"
                " text, earlier steps told by the assistant, with a picture before each or in"
                " words alone, then a user's picture and text"
            )
        source = str(line.meta.get("task", ""))
        yield Demonstration(
            conversation=_conversation(prompt, line.pictures, answer.text, source),
            labels=line.meta.get("labels"),
        )


def demonstration_of(sample: Sample) -> Demonstration:
    """What was asked, and what should have been said."""
    prompt, meta = sample.messages, sample.meta
    assert _is_ours(prompt), [message.role for message in prompt]
    num_shown = [message.role for message in prompt].count("user")
    pictures = [*meta.earlier, meta.picture][-num_shown:]
    return Demonstration(
        conversation=_conversation(prompt, pictures, sample.target, meta.task), labels=meta.labels
    )


def _is_ours(prompt: Sequence[Message]) -> bool:
    """Whether it is as `agent.prompts` renders: each picture is a user's, and answered, but for
    the last, which comes with a text."""
    roles = [message.role for message in prompt]
    if roles[:1] != ["system"] or roles[-1] != "user" or "system" in roles[1:]:
        return False
    answered = itertools.pairwise(roles)
    silent = all(not message.text for message in prompt[1:-1] if message.role == "user")
    return silent and all(after == "assistant" for role, after in answered if role == "user")


def _conversation(
    prompt: Sequence[Message], pictures: Sequence[Path], answer: str, source: str
) -> Conversation:
    """
    Args:
        pictures: one for each of the user's messages.
    """
    opening, *told, asked = prompt
    remaining = list(pictures)
    history: list[Recalled] = []
    seen: Path | None = None
    for message in told:
        if message.role == "user":
            seen = remaining.pop(0)
        else:
            history.append(Recalled(seen, message.text))
            seen = None
    [picture] = remaining
    return Conversation(
        system=opening.text,
        history=tuple(history),
        picture=picture,
        turns=(Turn(asked.text, answer),),
        source=source,
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
