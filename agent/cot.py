"""Thoughts for recorded demonstrations: long ones, that notice what went wrong.

Three parts, as OpenCUA describes them (https://arxiv.org/abs/2508.09123): a
generator explains each step from what was seen and done, a reflector judges it
by the screen that followed, a summarizer judges the whole. Any `Policy` may be
the teacher. What is written goes beside the log (`trajectories.thoughts`) at
once, so a run that was interrupted is gone on with where it stopped. The words
of the prompts are the files of `cot_prompts/`.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from string import Template
from typing import Any, TypeVar

from PIL import Image, ImageDraw
from pydantic import TypeAdapter, ValidationError

from agent.errors import PolicyFailed
from agent.policy import Policy
from model.messages import ImagePart, Message, Sampling, system, user
from trajectories.answer_text import sections_of
from trajectories.demo import Demo, DemoStep, demos_of
from trajectories.reading import RunRecord
from trajectories.thoughts import (
    StepThoughts,
    TaskThoughts,
    add_step_thoughts,
    add_task_thoughts,
)

PROMPTS = Path(__file__).with_name("cot_prompts")
TEACHER = "You annotate recordings of computer use, exactly and without inventing anything."
RING_PX, RING_WIDTH_PX, DOT_PX = 40, 3, 2
PATCH_PX = 300
Read = TypeVar("Read")
_OBJECT = re.compile(r"\{.*\}", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class CotConfig:
    sampling: Sampling
    tries: int = 5
    """Askings before an answer that cannot be read ends it."""


@dataclass(frozen=True, slots=True)
class _Explained:
    observation: str
    thought: str
    action: str


class ThoughtWriter:
    """Writes thoughts about runs. Borrows the policy."""

    def __init__(self, policy: Policy, config: CotConfig) -> None:
        self._policy = policy
        self._config = config
        self._prompts = {
            path.stem: Template(path.read_text(encoding="utf-8")) for path in PROMPTS.glob("*.txt")
        }

    def write(self, run: RunRecord) -> Iterator[str]:
        """Every thought that is missing; gives a line for each as it is written.

        Raises:
            PolicyFailed: the teacher gave no usable answer; what was written stays.
            BlobMissing.
        """
        for number, demo in enumerate(demos_of(run)):
            yield from self._about_episode(run.folder, number, demo)

    def _about_episode(self, folder: Path, episode: int, demo: Demo) -> Iterator[str]:
        known: list[StepThoughts] = []
        for index, step in enumerate(demo.steps):
            thoughts = step.thoughts
            if thoughts is None:
                after = demo.steps[index + 1] if index + 1 < len(demo.steps) else None
                thoughts = self._about_step(demo, step, known, after)
                add_step_thoughts(folder, episode, step.number, thoughts)
                yield f"{demo.demo_id} step {step.number}: {thoughts.action}"
            known.append(thoughts)
        if demo.thoughts is None and known:
            summary = self._about_task(demo, known)
            add_task_thoughts(folder, episode, summary)
            yield f"{demo.demo_id}: {summary.actual_task or summary.reason}"

    def _about_step(
        self, demo: Demo, step: DemoStep, known: Sequence[StepThoughts], after: DemoStep | None
    ) -> StepThoughts:
        image = picture_of(step)
        points = points_of(step, image.size)
        marked = ringed(image, points)
        explained = self._explain(demo, step, known, marked, points)
        if after is None:
            # Nothing was seen after it; recordings end when the task is done.
            return StepThoughts(
                observation=explained.observation,
                thought=explained.thought,
                action=explained.action,
                last_step_correct=True,
                last_step_redundant=False,
            )
        asked = self._words(
            "reflect",
            goal=demo.instruction,
            history=told(known),
            thought=explained.thought,
            action=explained.action,
            code=step.sections.code or "",
        )
        parts = [ImagePart(marked), ImagePart(picture_of(after))]
        judged = self._ask([system(TEACHER), user(*parts, asked)], _read_judgement)
        return StepThoughts(
            observation=explained.observation,
            thought=explained.thought,
            action=explained.action,
            **judged,
        )

    def _explain(
        self,
        demo: Demo,
        step: DemoStep,
        known: Sequence[StepThoughts],
        marked: Image.Image,
        points: Sequence[tuple[int, int]],
    ) -> _Explained:
        last = known[-1] if known else None
        went_wrong = last is not None and (not last.last_step_correct or last.last_step_redundant)
        asked = self._words(
            "generate",
            goal=demo.instruction,
            history=told(known),
            former_thought=last.thought if last else "none, this is the first step",
            former_effect=last.reflection if last else "nothing was done yet",
            code=step.sections.code or "",
            focus=self._words("focus_mouse" if points else "focus_keyboard"),
            mistake=self._words("mistake") if went_wrong else "",
        )
        parts = [ImagePart(marked)]
        if points:
            parts.append(ImagePart(patch(marked, points[0])))
        return self._ask([system(TEACHER), user(*parts, asked)], _read_explanation)

    def _about_task(self, demo: Demo, known: Sequence[StepThoughts]) -> TaskThoughts:
        steps = "\n".join(
            f"Step {number}:\n  thought: {each.thought}\n  action: {each.action}\n"
            f"  effect: {each.reflection}\n"
            f"  correct: {each.last_step_correct}, redundant: {each.last_step_redundant}"
            for number, each in enumerate(known, start=1)
        )
        asked = self._words("summarize", goal=demo.instruction, history=steps)
        return self._ask([system(TEACHER), user(asked)], _read_summary)

    def _words(self, name: str, **values: str) -> str:
        # Only the prompt's own names are filled in: a dollar in a value stays one.
        return self._prompts[name].substitute(values)

    def _ask(self, messages: list[Message], read: Callable[[str], Read]) -> Read:
        complaint = ""
        for _ in range(self._config.tries):
            text = self._policy.complete(messages, sampling=self._config.sampling).text
            try:
                return read(text)
            except (ValueError, ValidationError) as error:
                complaint = str(error)
        raise PolicyFailed(
            f"the teacher gave no usable answer in {self._config.tries} tries: {complaint}"
        )


def told(known: Sequence[StepThoughts]) -> str:
    """The steps so far, numbered, in their own words."""
    lines = [f"{number}. {each.action}" for number, each in enumerate(known, start=1)]
    return "\n".join(lines) or "none"


def picture_of(step: DemoStep) -> Image.Image:
    with Image.open(BytesIO(step.png)) as image:
        return image.convert("RGB")


def points_of(step: DemoStep, size: tuple[int, int]) -> list[tuple[int, int]]:
    """Where the mouse acts, in pixels of the screenshot."""
    width, height = size
    found = []
    for proposal in step.proposals:
        for name in ("at", "to", "start", "end"):
            point = proposal.get(name)
            if point is not None:
                found.append((round(point[0] * width), round(point[1] * height)))
    return found


def ringed(image: Image.Image, points: Sequence[tuple[int, int]]) -> Image.Image:
    """A red ring with a dot in it at every point."""
    marked = image.copy()
    pen = ImageDraw.Draw(marked)
    for x, y in points:
        for radius, width in ((RING_PX // 2, RING_WIDTH_PX), (DOT_PX, DOT_PX)):
            box = (x - radius, y - radius, x + radius, y + radius)
            pen.ellipse(box, outline=(255, 0, 0), width=width)
    return marked


def patch(image: Image.Image, point: tuple[int, int]) -> Image.Image:
    """A close-up around a point, moved in from the edges of the screen."""
    width, height = image.size
    left = max(0, min(point[0] - PATCH_PX // 2, width - PATCH_PX))
    top = max(0, min(point[1] - PATCH_PX // 2, height - PATCH_PX))
    return image.crop((left, top, min(left + PATCH_PX, width), min(top + PATCH_PX, height)))


def _read_explanation(text: str) -> _Explained:
    sections = sections_of(text)
    found = _Explained(sections.observation, sections.thought, sections.action)
    if not (found.observation and found.thought and found.action):
        raise ValueError("a section is missing; expected Observation, Thought and Action")
    return found


def _object(text: str) -> Any:
    match = _OBJECT.search(text)
    if match is None:
        raise ValueError("no JSON object in the answer")
    return json.loads(match.group())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judgement:
    last_step_correct: bool
    last_step_redundant: bool
    reflection: str


_JUDGEMENT = TypeAdapter(_Judgement)
_SUMMARY = TypeAdapter(TaskThoughts)


def _read_judgement(text: str) -> dict[str, Any]:
    judged = _JUDGEMENT.validate_python(_object(text))
    return {
        "last_step_correct": judged.last_step_correct,
        "last_step_redundant": judged.last_step_redundant,
        "reflection": judged.reflection,
    }


def _read_summary(text: str) -> TaskThoughts:
    return _SUMMARY.validate_python(_object(text))
