"""Pointing at what is named on a picture: ScreenSpot's question and its score.

The question is the agent's own prompt with the instruction as its task; the
answer is read by the agent's parser, and the first point that it acts on
counts. In the box is right, edges included; an answer without a point is told
apart from a wrong one (`wrong_format`), as ScreenSpot-Pro's script does.
"""

import json
import math
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from PIL import Image
from pydantic import TypeAdapter, ValidationError

from agent.collect import OpenPolicy
from agent.errors import ParseError
from agent.parser import parse
from agent.policy import Policy, blind
from agent.prompts import PromptStyle, render, style_named
from agent.proposals import ClickAt, DragFrom, Fraction, MoveTo, Proposal, ScrollAt
from model.messages import Sampling
from trajectories.formats.screenspot import GroundingSample

CORRECT, WRONG, WRONG_FORMAT = "correct", "wrong", "wrong_format"
PREDICTIONS = "predictions.jsonl"

_NOTES = (
    "mean: share of targets hit, over samples; standard_error: of that share",
    "wrong_format: an answer without a point, counted as a miss",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundingConfig:
    """What makes two scores comparable."""

    suite: str = "screenspot"
    model: str
    weights: str = ""
    images: str
    """Where the set lies."""
    style: str = "nano"
    blind: bool = False
    max_new_tokens: int = 512

    @property
    def name(self) -> str:
        return Path(self.model).name + ("-blind" if self.blind else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """A line of `predictions.jsonl`."""

    id: str
    correctness: str
    point: tuple[float, float] | None
    """Fractions of the picture."""
    response: str
    seconds: float


_PREDICTION_JSON = TypeAdapter(Prediction)


def point_of(answer: str) -> Fraction | None:
    """The first point an answer acts on; None: it has none, or cannot be used."""
    try:
        proposals = parse(answer).proposals
    except ParseError:
        return None
    return next((point for each in proposals if (point := _point(each)) is not None), None)


def _point(proposal: Proposal) -> Fraction | None:
    match proposal:
        case ClickAt(at=at):
            return at
        case MoveTo(to=to):
            return to
        case DragFrom(start=start):
            return start
        case ScrollAt(at=at):
            return at
        case _:
            return None


def predict(
    policy: Policy, style: PromptStyle, sampling: Sampling, sample: GroundingSample
) -> Prediction:
    """Raises: PolicyFailed, ModelError: nobody answered."""
    began = time.monotonic()
    with Image.open(sample.image) as picture:
        image = picture.convert("RGB")
    messages = render(style, sample.instruction, (), image)
    answer = policy.complete(messages, sampling=sampling).text
    point = point_of(answer)
    correctness = WRONG_FORMAT
    if point is not None:
        correctness = CORRECT if sample.hit_by(*point) else WRONG
    return Prediction(
        id=sample.id,
        correctness=correctness,
        point=point,
        response=answer,
        seconds=round(time.monotonic() - began, 4),
    )


@dataclass(frozen=True, slots=True)
class OpenPointer:
    """Opens a worker. Travels to its process by value."""

    config: GroundingConfig
    open_policy: OpenPolicy

    def __call__(self) -> AbstractContextManager[Callable[[GroundingSample], Prediction]]:
        return self._opened()

    @contextmanager
    def _opened(self) -> Iterator[Callable[[GroundingSample], Prediction]]:
        policy = self.open_policy(self.config.model)
        if self.config.blind:
            policy = blind(policy)
        style = style_named(self.config.style)
        sampling = Sampling(max_new_tokens=self.config.max_new_tokens)
        yield lambda sample: predict(policy, style, sampling, sample)


def earlier_predictions(out: Path, samples: Sequence[GroundingSample]) -> list[Prediction]:
    """What an earlier start has left; a line that a kill cut off is dropped from the file."""
    path = out / PREDICTIONS
    if not path.exists():
        return []
    wanted = {sample.id for sample in samples}
    found: dict[str, Prediction] = {}
    whole = 0
    data = path.read_bytes()
    for line in data.splitlines(keepends=True):
        try:
            prediction = _PREDICTION_JSON.validate_json(line)
        except ValidationError:
            break
        if not line.endswith(b"\n"):
            break
        whole += len(line)
        if prediction.id in wanted:
            found[prediction.id] = prediction
    if whole < len(data):
        with path.open("r+b") as file:
            file.truncate(whole)
    return list(found.values())


def write_prediction(out: Path, prediction: Prediction) -> None:
    line = json.dumps(asdict(prediction), ensure_ascii=False) + "\n"
    with (out / PREDICTIONS).open("a", encoding="utf-8") as file:
        file.write(line)


def summarise_grounding(
    config: GroundingConfig,
    samples: Sequence[GroundingSample],
    predictions: Sequence[Prediction],
) -> dict[str, Any]:
    """The contents of `summary.json`."""
    by_id = {prediction.id: prediction for prediction in predictions}
    done = [(sample, by_id[sample.id]) for sample in samples if sample.id in by_id]
    return {
        "suite": config.suite,
        **_figures(done),
        "tasks": len(done),
        "unscored": [],
        "endings": dict(sorted(Counter(p.correctness for _, p in done).items())),
        "seconds": {"step": round(fmean(p.seconds for _, p in done), 4)} if done else {},
        "per_domain": _by(done, lambda sample: sample.group or sample.platform),
        "by_platform": _by(done, lambda sample: sample.platform),
        "by_type": _by(done, lambda sample: sample.kind),
        "by_application": _by(done, lambda sample: sample.application),
        "by_group": _by(done, lambda sample: sample.group),
        "config": asdict(config),
        "notes": list(_NOTES),
    }


_Done = Sequence[tuple[GroundingSample, Prediction]]


def _by(done: _Done, name: Callable[[GroundingSample], str]) -> dict[str, Any]:
    groups: defaultdict[str, list[tuple[GroundingSample, Prediction]]] = defaultdict(list)
    for sample, prediction in done:
        if name(sample):
            groups[name(sample)].append((sample, prediction))
    return {group: _figures(members) for group, members in sorted(groups.items())}


def _figures(done: _Done) -> dict[str, Any]:
    hits = [float(prediction.correctness == CORRECT) for _, prediction in done]
    kinds = {
        f"{kind}_mean": _share(
            [hit for hit, (s, _) in zip(hits, done, strict=True) if s.kind == kind]
        )
        for kind in ("text", "icon")
    }
    mean = _share(hits)
    error = (
        math.sqrt(mean * (1 - mean) / (len(hits) - 1))
        if len(hits) > 1 and mean is not None
        else None
    )
    return {
        "mean": mean or 0.0,
        "standard_error": None if error is None else round(error, 4),
        "samples": len(hits),
        **kinds,
    }


def _share(hits: Sequence[float]) -> float | None:
    return round(fmean(hits), 4) if hits else None
