"""Where a step's time went, part after part, and what that comes to over many steps.

    ahead     what a later prompt begins with, computed while the screen still moves
    settle    looks until two in a row are the same
    capture   the look that the model is shown
    vision    pictures cut into patches and looked at
    prefill   the prompt through the decoder
    decode    the answer, token by token
    model     what else the answer took: rendering, waiting for a server; all of it where a
              policy tells no more
    act       input events, until they are delivered

All of it is in the log's own records, and in those of old logs as far as they told it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil
from statistics import median
from typing import NamedTuple

from trajectories.reading import Step

PARTS = ("ahead", "settle", "capture", "vision", "prefill", "decode", "model", "act")
"""In the order in which they happen."""
OF_THE_ANSWER = ("vision", "prefill", "decode")


def waterfall(step: Step) -> dict[str, float]:
    """Seconds of each part of a step, all parts, in their order."""
    told = {} if step.intent is None else step.intent.seconds
    return {
        "ahead": told.get("ahead", 0.0),
        "settle": step.observation.settle_seconds,
        "capture": step.observation.capture_seconds,
        **answer_parts(told),
        "act": 0.0 if step.outcome is None else step.outcome.act_seconds,
    }


def answer_parts(seconds: Mapping[str, float]) -> dict[str, float]:
    """The parts of an answer, of a policy's own account and "model", the whole."""
    parts = {part: seconds.get(part, 0.0) for part in OF_THE_ANSWER}
    rest = seconds.get("model", 0.0) - sum(parts.values())
    # Each was rounded by itself.
    return {**parts, "model": max(0.0, round(rest, 4))}


class Spread(NamedTuple):
    """Seconds."""

    median: float
    p95: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Of many steps that were answered."""

    num_steps: int
    parts: Mapping[str, Spread]
    step: Spread
    """All parts of one step together."""
    tokens_per_second: float | None
    """While decoding; None: no policy told it."""
    num_prompt_tokens: int
    num_reused_tokens: int
    num_prepared_tokens: int

    @property
    def reused(self) -> float | None:
        """Share of the prompts' tokens; None: no policy told it."""
        return self.num_reused_tokens / self.num_prompt_tokens if self.num_prompt_tokens else None


def figures(steps: Iterable[Step]) -> Figures | None:
    """None: no step was answered."""
    answered = [(step, step.intent) for step in steps if step.intent is not None]
    if not answered:
        return None
    falls = [waterfall(step) for step, _ in answered]
    timed = [intent for _, intent in answered if intent.token_ids and intent.seconds.get("decode")]
    decoding = sum(intent.seconds["decode"] for intent in timed)
    return Figures(
        num_steps=len(answered),
        parts={part: _spread([fall[part] for fall in falls]) for part in PARTS},
        step=_spread([sum(fall.values()) for fall in falls]),
        tokens_per_second=(
            sum(len(intent.token_ids) for intent in timed) / decoding if timed else None
        ),
        num_prompt_tokens=sum(intent.num_prompt_tokens for _, intent in answered),
        num_reused_tokens=sum(intent.num_reused_tokens for _, intent in answered),
        num_prepared_tokens=sum(intent.num_prepared_tokens for _, intent in answered),
    )


def _spread(seconds: list[float]) -> Spread:
    """The 95th percentile is one that was seen: the nearest rank."""
    ordered = sorted(seconds)
    return Spread(median(ordered), ordered[ceil(0.95 * len(ordered)) - 1])
