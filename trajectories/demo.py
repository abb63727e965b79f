"""An episode as other formats want it: screenshots, and what was said and done at each.

Between our logs and everybody's files. Points of proposals are fractions of
the screenshot, as the model says them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from trajectories.answer_text import Sections, answer_of, sections_of
from trajectories.reading import Episode, RunRecord, Step
from trajectories.thoughts import StepThoughts, TaskThoughts, read_thoughts


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoStep:
    number: int
    """Counted from 1; a refused answer leaves a gap."""
    png: bytes
    """What it was decided on."""
    response: str
    """The whole answer."""
    sections: Sections
    proposals: tuple[dict[str, Any], ...] = ()
    """As `agent.proposals.as_record` writes them; empty for what was not read yet."""
    thoughts: StepThoughts | None = None
    """Written afterwards about this step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    demo_id: str
    """Unique: "<run id>-<episode>"."""
    task: str
    seed: int | None = None
    instruction: str
    width: int
    height: int
    steps: tuple[DemoStep, ...]
    success: bool | None = None
    """None: nobody judged it."""
    score: float | None = None
    """Where it was told more finely."""
    thoughts: TaskThoughts | None = None
    meta: dict[str, Any] = field(default_factory=dict)
    """What the format it came from says besides."""


def demos_of(run: RunRecord) -> Iterator[Demo]:
    """Every episode of a run, good or bad; a step whose answer was refused is left out.

    Raises:
        BlobMissing.
    """
    thoughts = read_thoughts(run.folder)
    for number, episode in enumerate(run.episodes):
        yield Demo(
            demo_id=f"{run.run.run_id}-{number}",
            task=episode.start.task,
            seed=episode.start.seed,
            instruction=episode.start.instruction,
            width=episode.start.width,
            height=episode.start.height,
            steps=tuple(
                _step(step, thoughts.steps.get((number, step.number)))
                for step in episode.steps
                if step.intent is not None and not step.error
            ),
            success=_success(episode),
            score=None if episode.end is None else episode.end.score,
            thoughts=thoughts.tasks.get(number),
        )


def annotated(run: RunRecord, level: int) -> RunRecord:
    """The run with each answer as OpenCUA's levels have it, the thoughts written later in it.

    Args:
        level: 1 action and code; 2 the thought before them; 3 the observation before that.
    """
    thoughts = read_thoughts(run.folder)
    for number, episode in enumerate(run.episodes):
        for step in episode.steps:
            if step.intent is None or step.error:
                continue
            said = sections_of(step.intent.response)
            about = thoughts.steps.get((number, step.number))
            if about is not None:
                said = replace(
                    said,
                    observation=about.observation,
                    thought=about.thought,
                    action=about.action,
                )
            told = replace(
                said,
                observation=said.observation if level >= 3 else "",
                thought=said.thought if level >= 2 else "",
            )
            step.intent = replace(
                step.intent, response=answer_of(told), thought=said.thought, sentence=said.action
            )
    return run


def _success(episode: Episode) -> bool | None:
    if episode.end is None or episode.end.score is None:
        return None
    return episode.success


def _step(step: Step, thoughts: StepThoughts | None) -> DemoStep:
    assert step.intent is not None
    return DemoStep(
        number=step.number,
        png=step.png(),
        response=step.intent.response,
        sections=sections_of(step.intent.response),
        proposals=tuple(step.intent.proposals),
        thoughts=thoughts,
    )
