"""Samples of training files as demonstrations again, whoever wrote them.

Ours say in `meta` which step of which episode they are. Of others a
conversation is an episode: every answer with code in it is a step, done on the
picture shown last before it.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from PIL import Image

from model.messages import ImagePart, Message
from trajectories.answer_text import Sections, answer_of, sections_of
from trajectories.demo import Demo, DemoStep
from trajectories.errors import FormatError
from trajectories.formats.sample_files import PlainSample
from trajectories.pictures import png_of, size_of

_TASK = re.compile(r"^# Task Instruction:\n(.*?)(?=\n# |\n\nPlease generate|\Z)", re.DOTALL | re.M)
_CALL = re.compile(r"^\s*(?:pyautogui|computer)\.\w+\(")


def demos_of_samples(samples: Iterable[PlainSample], name: str) -> Iterator[Demo]:
    """
    Args:
        name: of the file; begins the ids of episodes that have none.

    Raises:
        FormatError: a sample without a picture or an answer.
    """
    for number, ((run, episode), group) in enumerate(groupby(samples, key=_episode_of)):
        if run is None:
            for place, sample in enumerate(group):
                yield _conversation(sample, f"{name}-{number + place}")
        else:
            yield _ours(list(group), f"{run}-{episode}")


def _episode_of(sample: PlainSample) -> tuple[Any, Any]:
    return sample.meta.get("run"), sample.meta.get("episode")


def _ours(samples: Sequence[PlainSample], demo_id: str) -> Demo:
    """The samples of one episode, a step each."""
    steps: list[DemoStep] = []
    for sample in samples:
        *asked, answer = sample.messages
        steps.append(_step(len(steps) + 1, _last_image(asked, demo_id), answer.text))
    meta = samples[0].meta
    score = meta.get("score")
    # What an expert would have done is not what the score is of.
    advised = any(sample.meta.get("advised") for sample in samples)
    return _demo(
        demo_id,
        str(meta.get("task") or "imported"),
        str(meta.get("instruction") or _instruction(samples[0].messages)),
        steps,
        seed=meta.get("seed"),
        score=float(score) if isinstance(score, int | float) and not advised else None,
    )


def _conversation(sample: PlainSample, demo_id: str) -> Demo:
    steps: list[DemoStep] = []
    for place, message in enumerate(sample.messages):
        if message.role != "assistant":
            continue
        step = _step(0, None, message.text)
        is_last = place + 1 == len(sample.messages)
        # Earlier turns may be history, told without their code.
        if step.sections.code is not None or is_last:
            image = _last_image(sample.messages[:place], demo_id)
            steps.append(replace(step, number=len(steps) + 1, png=png_of(image)))
    if not steps:
        raise FormatError(f"{demo_id}: no answer in the conversation")
    task = str(sample.meta.get("task") or "imported")
    return _demo(demo_id, task, _instruction(sample.messages), steps)


def _demo(
    demo_id: str,
    task: str,
    instruction: str,
    steps: Sequence[DemoStep],
    *,
    seed: int | None = None,
    score: float | None = None,
) -> Demo:
    width, height = size_of(steps[0].png)
    return Demo(
        demo_id=demo_id,
        task=task,
        seed=seed if isinstance(seed, int) else None,
        instruction=instruction,
        width=width,
        height=height,
        steps=tuple(steps),
        success=None if score is None else score > 0,
        score=score,
    )


def _step(number: int, image: Image.Image | None, response: str) -> DemoStep:
    sections = sections_of(response)
    if sections.code is None and not sections.thinking_is_open:
        sections = _with_bare_code(sections, response)
        response = response if sections.code is None else answer_of(sections)
    png = b"" if image is None else png_of(image)
    return DemoStep(number=number, png=png, response=response, sections=sections)


def _with_bare_code(sections: Sections, response: str) -> Sections:
    """Code that stands without a fence, as many data sets have it, from its first line on."""
    lines = response.split("\n")
    first = next((place for place, line in enumerate(lines) if _CALL.match(line)), None)
    if first is None:
        return sections
    code = "\n".join(line.strip() for line in lines[first:] if _CALL.match(line))
    words = sections.action or "\n".join(lines[:first]).strip()
    return replace(sections, action=words, code=code)


def _last_image(messages: Sequence[Message], demo_id: str) -> Image.Image:
    images = [
        part.image for message in messages for part in message.parts if isinstance(part, ImagePart)
    ]
    if not images:
        raise FormatError(f"{demo_id}: an answer before any picture")
    return images[-1]


def _instruction(messages: Sequence[Message]) -> str:
    """What the task is, out of the prompts we know; else the first words of the user."""
    asked = [message.text.strip() for message in messages if message.role == "user"]
    for text in reversed(asked):
        if (told := _TASK.search(text)) is not None:
            return told.group(1).strip()
    return next((text for text in asked if text), "")
