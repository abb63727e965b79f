"""A run as one HTML page that needs nothing else: pictures, marks, words, times.

Screenshots are lossless WebP, each in the page once however often it was seen,
and the words of the steps are packed (they would outweigh small screens), which
makes the page smaller than the screenshots. Marks are SVG in pixels of the
screen, and everything that came from a model or a page is text, never markup.
"""

import base64
import gzip
import json
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from env.actions import Action, Click, Drag, Keys, Move, Point, Scroll, TypeText, Wait
from trajectories.action_json import decode
from trajectories.answer_text import answer_of, sections_of
from trajectories.disk import RealDisk
from trajectories.durable import write_whole
from trajectories.reading import Episode, RunRecord, Step
from trajectories.schema import Intent
from trajectories.waterfall import waterfall


class Mark(NamedTuple):
    """What an action touches, drawn over the screenshot; points are pixels of the screen."""

    kind: str
    """"click", "arrow" or "dot"."""
    at: Point
    to: Point
    rings: int = 1


def write_replay(run: RunRecord, path: Path) -> Path:
    """Write the page. Gives the path back.

    Raises:
        BlobMissing: a screenshot of the log is not in the store.
    """
    page = render_replay(run).encode()
    # It shows what the screenshots show: for the owner only, as they are.
    write_whole(RealDisk(), path, page, durable=False)
    return path


def render_replay(run: RunRecord) -> str:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pictures = _Pictures()
    steps = [[_step(step, pictures) for step in episode.steps] for episode in run.episodes]
    scored = [e for e in run.episodes if e.end is not None and e.end.score is not None]
    return environment.get_template("replay.html.j2").render(
        run=run.run,
        started=datetime.fromtimestamp(run.run.started_at, UTC).strftime("%Y-%m-%d %H:%M UTC"),
        episodes=[_episode(episode) for episode in run.episodes],
        steps=_packed(steps),
        pictures=pictures.encoded,
        num_scored=len(scored),
        num_won=sum(episode.success for episode in scored),
    )


def _packed(steps: list[list[dict[str, Any]]]) -> str:
    told = json.dumps(steps, ensure_ascii=False, separators=(",", ":"))
    # Half of a surrogate pair, which JSON lets a model write, is no UTF-8.
    data = gzip.compress(told.encode("utf-8", "replace"), mtime=0)
    return base64.b64encode(data).decode("ascii")


class _Pictures:
    """The screenshots of a page, by number."""

    def __init__(self) -> None:
        self.encoded: list[str] = []
        self._numbers: dict[str, int] = {}

    def number_of(self, step: Step) -> int:
        name = step.observation.image
        if name not in self._numbers:
            self._numbers[name] = len(self.encoded)
            buffer = BytesIO()
            # More effort than this costs seconds a page and saves little.
            step.image().save(buffer, format="WEBP", lossless=True, method=2, quality=50)
            self.encoded.append(base64.b64encode(buffer.getvalue()).decode("ascii"))
        return self._numbers[name]


def marks_of(action: Action, notch_px: int = 12) -> tuple[Mark, ...]:
    """
    Args:
        notch_px: length of a scroll's arrow for each notch, up to four of them.
    """
    match action:
        case Click(at=at, count=count):
            return (Mark("click", at, at, count),)
        case Drag(start=start, end=end):
            return (Mark("dot", start, start), Mark("arrow", start, end))
        case Move(to=to):
            return (Mark("dot", to, to),)
        case Scroll(at=at, notches=notches, sideways=sideways):
            reach = max(-4, min(4, notches)) * notch_px
            to = Point(at.x + reach, at.y) if sideways else Point(at.x, at.y - reach)
            return (Mark("arrow", at, to),)
        case TypeText() | Keys() | Wait():
            return ()


def describe(action: Action) -> str:
    """The action in a few words, with its pixels."""
    match action:
        case Click(at=at, button=button, count=count, modifiers=modifiers, hold_seconds=hold):
            name = {1: "click", 2: "double click", 3: "triple click"}[count]
            side = "" if button == "left" else f"{button} "
            ending = f", held for {hold:g} s" if hold else ""
            return f"{_held(modifiers)}{side}{name} at {at.x}, {at.y}{ending}"
        case Move(to=to):
            return f"move to {to.x}, {to.y}"
        case Drag(start=start, end=end, modifiers=modifiers):
            return f"{_held(modifiers)}drag from {start.x}, {start.y} to {end.x}, {end.y}"
        case Scroll(at=at, notches=notches, sideways=sideways, modifiers=modifiers):
            ways = ("right", "left") if sideways else ("up", "down")
            way = ways[0] if notches > 0 else ways[1]
            return f"{_held(modifiers)}scroll {way} {abs(notches)} at {at.x}, {at.y}"
        case TypeText(text=text):
            return f"type {text!r}"
        case Keys(keys=keys, presses=presses):
            times = "" if presses == 1 else f", {presses} times"
            return f"press {'+'.join(keys)}{times}"
        case Wait(seconds=seconds):
            return f"wait {seconds:g} s"


def _held(modifiers: tuple[str, ...]) -> str:
    return "".join(f"{key}+" for key in modifiers)


def _episode(episode: Episode) -> dict[str, Any]:
    end = episode.end
    score = None if end is None else end.score
    verdict = "unscored" if score is None else "success" if score > 0 else "failure"
    return {
        "name": episode.name,
        "instruction": episode.start.instruction,
        "ending": "interrupted" if end is None else end.ending.replace("_", " ").lower(),
        "reason": "" if end is None else end.reason,
        "seconds": None if end is None else end.seconds,
        "score": score,
        "verdict": verdict,
        "num_steps": len(episode.steps),
    }


def _step(step: Step, pictures: _Pictures) -> dict[str, Any]:
    intent, seen = step.intent, step.observation
    actions = [] if intent is None else [decode(action) for action in intent.actions]
    times = {part: round(seconds, 4) for part, seconds in waterfall(step).items() if seconds}
    return {
        "number": step.number,
        "picture": pictures.number_of(step),
        "guards": [f"{guard.kind}: {guard.text}" for guard in step.guards],
        "width": seen.width,
        "height": seen.height,
        "settled": seen.settled,
        "thought": "" if intent is None else intent.thought,
        "sentence": "" if intent is None else intent.sentence,
        "actions": [describe(action) for action in actions],
        "marks": [
            (mark.kind, *mark.at, *mark.to, mark.rings)
            for action in actions
            for mark in marks_of(action)
        ],
        "result": _result(step, len(actions)),
        **_words(step),
        "advice": step.advice,
        "times": times,
        "prompt": _prompt(intent),
        # Something to click on even for a step that took no time.
        "seconds": round(max(sum(times.values()), 0.01), 3),
    }


def _words(step: Step) -> dict[str, str]:
    """The code apart, and the whole answer where that says more than is shown of it."""
    if step.intent is None:
        return {"code": "", "answer": ""}
    response = step.intent.response
    said = sections_of(response)
    shown = said.thought == step.intent.thought and said.action == step.intent.sentence
    whole = shown and not said.observation and _lines(answer_of(said)) == _lines(response)
    return {"code": said.code or "", "answer": "" if whole else response}


def _prompt(intent: Intent | None) -> str:
    """What was asked, and how much of it was known; empty where the policy told nothing."""
    if intent is None or not intent.num_prompt_tokens:
        return ""
    share = intent.num_reused_tokens / intent.num_prompt_tokens
    return (
        f"{intent.num_prompt_tokens} prompt tokens, {share:.0%} reused; {len(intent.token_ids)} new"
    )


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip().split("\n")]


def _result(step: Step, num_actions: int) -> tuple[str, str]:
    """A class for its colour, and the words."""
    if step.intent is None:
        return "none", "no answer"
    if step.outcome is None:
        return "doubt", "in doubt: the run ended before the outcome was written"
    if step.outcome.refused is not None:
        return "refused", step.outcome.refused
    if num_actions == 0:
        return "none", "nothing to perform"
    return "performed", "performed"
