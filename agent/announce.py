"""Events and questions made into reports: pictures small enough to send, actions in words."""

from io import BytesIO

from PIL import Image

from agent.approval import Question
from agent.events import (
    EpisodeEnded,
    Performed,
    Proposed,
    Refused,
)
from agent.reports import Acted, Asking, Declined, Over, Planned, Report
from env.actions import Action, Point, points_of
from env.screen import Box, ScreenSize
from trajectories.answer_text import sections_of
from trajectories.replay import describe
from trajectories.waterfall import answer_parts

Reported = Proposed | Performed | Refused | EpisodeEnded
"""Events that have a report of their own; of the others the session knows more, and of pictures
`agent.sent_pictures`."""

SENT_WIDTH = 1280
"""Pixels; a terminal shows no more, and the run folder keeps every picture as it was."""
CROP = ScreenSize(360, 200)
"""Shown of a question, a pixel a pixel; more where a drag is longer."""
_MARGIN = 60


def report_of(event: Reported, folder: str) -> Report:
    """
    Args:
        folder: of the run.
    """
    match event:
        case Proposed():
            return _planned(event)
        case Performed(step=step, actions=actions, seconds=seconds):
            return Acted(step=step, count=len(actions), seconds=seconds)
        case Refused(step=step, reason=reason):
            return Declined(step=step, reason=reason)
        case EpisodeEnded(result=result):
            return Over(
                ending=result.ending.value,
                reason=result.reason,
                score=result.score,
                steps=result.num_steps,
                seconds=result.seconds["total"],
                folder=folder,
            )


def asking(question: Question, until: float | None) -> Asking:
    request = question.request
    crop, points = crop_round(request.screenshot.image, request.actions)
    return Asking(
        number=question.number,
        step=request.step,
        thought=request.parsed.thought,
        sentence=request.parsed.sentence,
        code=request.code,
        words=in_words(request.actions),
        points=points,
        risks=question.decision.risks,
        until=until,
        crop=crop,
    )


def in_words(actions: tuple[Action, ...]) -> str:
    return ", then ".join(describe(action) for action in actions) or "nothing more to do"


def jpeg_of(image: Image.Image) -> bytes:
    """A JPEG no wider than `SENT_WIDTH`, of the same shape."""
    if image.width > SENT_WIDTH:
        height = round(image.height * SENT_WIDTH / image.width)
        image = image.resize((SENT_WIDTH, height), Image.Resampling.BILINEAR, reducing_gap=2.0)
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def crop_round(
    image: Image.Image, actions: tuple[Action, ...]
) -> tuple[bytes, tuple[tuple[int, int], ...]]:
    """The surroundings of what the actions touch as a PNG, and the points in it."""
    points = [point for action in actions for point in points_of(action)]
    if not points:
        return b"", ()
    box = _box_round(points, ScreenSize(*image.size))
    buffer = BytesIO()
    image.crop(box).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue(), tuple((x - box.left, y - box.top) for x, y in points)


def _box_round(points: list[Point], size: ScreenSize) -> Box:
    """At least `CROP`, moved so that it lies on the screen."""
    left, right = _span([point.x for point in points], CROP.width, size.width)
    top, bottom = _span([point.y for point in points], CROP.height, size.height)
    return Box(left, top, right, bottom)


def _span(along: list[int], least: int, limit: int) -> tuple[int, int]:
    length = min(max(max(along) - min(along) + 2 * _MARGIN, least), limit)
    start = (max(along) + min(along)) // 2 - length // 2
    start = min(max(start, 0), limit - length)
    return start, start + length


def _planned(event: Proposed) -> Planned:
    completion = event.completion
    seconds = completion.seconds.get("decode", 0.0)
    num_tokens = len(completion.token_ids)
    return Planned(
        step=event.step,
        thought=event.thought,
        sentence=event.sentence,
        code=sections_of(completion.text).code or "",
        words=in_words(event.actions),
        points=tuple(point for action in event.actions for point in points_of(action)),
        seconds=event.seconds,
        tokens=num_tokens,
        tokens_per_second=num_tokens / seconds if seconds else 0.0,
        prompt_tokens=completion.num_prompt_tokens,
        reused_tokens=completion.num_reused_tokens,
        parts={
            "ahead": completion.seconds.get("ahead", 0.0),
            **answer_parts({**completion.seconds, "model": event.seconds}),
        },
    )
