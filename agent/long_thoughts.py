"""Long thoughts for demonstrations: planning, evaluation, reflection and exploration, in words.

Kimi-VL's long-chain-of-thought data has these four. Experts here do not think, but the log knows
what they could have thought: what comes next, what the last action did, whether it was the one
they advised, what else was on the screen. Nothing is said that the log does not show.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from agent.demonstrations import demonstration_of
from agent.parser import said
from agent.prompts import PromptStyle, render
from model.train.samples import Demonstration, Turn
from trajectories.export import Sample, samples
from trajectories.reading import Episode, RunRecord, Step, read_runs

MOST_PLANNED = 3
MOST_SEEN = 4
_ACTION = "## Action:"
_QUOTED = re.compile(r'"([^"]+)"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A step, and what was around it."""

    sentence: str
    """Of the answer to be learned."""
    ahead: tuple[str, ...]
    """What the expert did after it, in words."""
    before: str
    """What was done last, in words; empty at the beginning."""
    advised: str
    """What should have been done instead; empty if it was right or nobody knows."""
    unchanged: bool
    """The screen is what it was before that."""
    seen: tuple[str, ...]
    """Widgets on the screen, in words."""


def thought_of(moment: Moment) -> str:
    """A few sentences; only those there is something to say in."""
    parts = []
    if moment.before:
        outcome = "nothing changed" if moment.unchanged else "the screen changed"
        parts.append(f"Last: {_open(moment.before)}; {outcome}.")
    if moment.advised:
        parts.append(f"That was wrong; right was: {_open(moment.advised)}.")
    if moment.seen:
        parts.append(f"I see {', '.join(moment.seen)}.")
    steps = (moment.sentence, *moment.ahead[: MOST_PLANNED - 1])
    parts.append(f"Plan: {'; then '.join(_open(step) for step in steps)}.")
    return " ".join(parts)


def long_thoughts(root: Path, style: PromptStyle) -> Iterator[Demonstration]:
    """Every step worth learning from at or below `root`, with its long thought.

    Raises:
        RunNotFound: no run folder there.
    """
    for run in read_runs(root):
        found = list(samples(run, partial(render, style)))
        for sample in found:
            demonstration = demonstration_of(sample)
            thought = thought_of(_moment(run, sample, found))
            [turn] = demonstration.conversation.turns
            answer = f"## Thought:\n{thought}\n{turn.answer[turn.answer.index(_ACTION) :]}"
            yield replace(
                demonstration,
                conversation=replace(
                    demonstration.conversation, turns=(Turn(turn.prompt, answer),)
                ),
            )


def _moment(run: RunRecord, sample: Sample, found: list[Sample]) -> Moment:
    episode = run.episodes[sample.meta.episode]
    steps = {step.number: step for step in episode.steps}
    here, last = steps[sample.meta.step], steps.get(sample.meta.step - 1)
    ahead = [
        _sentence(other.target)
        for other in found
        if other.meta.episode == sample.meta.episode and other.meta.step > sample.meta.step
    ]
    return Moment(
        sentence=_sentence(sample.target),
        ahead=() if _strayed_from(episode, sample.meta.step) else tuple(ahead),
        before="" if last is None or last.intent is None else last.intent.sentence,
        advised="" if last is None else _correction(last),
        unchanged=last is not None and last.observation.image == here.observation.image,
        seen=_like_the_target(here, _sentence(sample.target)),
    )


def _strayed_from(episode: Episode, number: int) -> bool:
    """What follows is not what the expert would have done."""
    return any(_correction(step) for step in episode.steps if step.number >= number)


def _correction(step: Step) -> str:
    if step.advice is None or step.intent is None or step.advice == step.intent.response:
        return ""
    return _sentence(step.advice)


def _like_the_target(step: Step, sentence: str) -> tuple[str, ...]:
    """Widgets of the kinds the sentence names, that one among them."""
    if step.labels is None:
        return ()
    widgets = [str(row[0]) for row in json.loads(step.labels).get("widgets", [])]
    named = [
        widget
        for widget in dict.fromkeys(widgets)
        if widget.split(" ", 1)[0] in sentence.lower().split()
    ]
    quoted = set(_QUOTED.findall(sentence))
    meant = [widget for widget in named if quoted & set(_QUOTED.findall(widget))]
    others = [widget for widget in named if widget not in meant]
    return tuple((meant[:1] + others)[:MOST_SEEN])


def _sentence(answer: str) -> str:
    _, sentence = said(answer)
    return sentence


def _open(sentence: str) -> str:
    """Without its end, to go on after."""
    return sentence.rstrip(".")
