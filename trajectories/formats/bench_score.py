"""AgentNetBench's two published ways to score a step against the recorded one.

`SNAPSHOT` is the scorer the published figures were made with; `REVISED` is the
one of commit 60da8b9 of xlang-ai/OpenCUA: the order of keys and the way and
length of a scroll count, and actions too many cost. Scores of the two do not
compare. Rules that look odd are theirs: the gate looks at the first predicted
action only, a type both sides name and no rule knows is left out of the mean,
and a newline at the end of a text never counts.

A prediction is (type, value): ("click", (x, y)), ("write", text), ("press",
[keys]), ("scroll", amount), ("terminate", status); points are fractions.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from rapidfuzz.distance import Levenshtein

Prediction = tuple[str, Any]
GoldAction = Mapping[str, Any]
"""{"type": ..., "params": {...}, "metadata": {"bboxes": [...]}} as the files have it."""

NEAR_ENOUGH = 0.01 * math.sqrt(2)
"""Of the picture's sides."""
DECAY = 120.0
ALIKE_ENOUGH = 0.8
_POINTED = ("click", "doubleclick", "rightclick", "tripleclick", "moveto", "dragto")
_ENTER = ("enter", "return")


@dataclass(frozen=True, slots=True)
class Rules:
    name: str
    keys_alike: Callable[[Any, Any], bool]
    scroll_score: Callable[[Any, Mapping[str, Any]], float]
    extra_actions_cost: bool


class StepScore(NamedTuple):
    total: float
    by_type: dict[str, float]
    """Of the recorded types; empty where nothing was predicted."""
    used_alternative: bool = False
    """One of the step's other accepted ways scored best."""


def score_step(
    rules: Rules,
    gold: Sequence[GoldAction],
    predicted: Sequence[Prediction],
    alternatives: Sequence[Sequence[GoldAction]] = (),
) -> StepScore:
    """The best score over the recorded actions and the accepted alternatives."""
    if not predicted:
        return StepScore(0.0, {})
    best = _score(rules, gold, predicted)
    if best.total < 1.0:
        for alternative in alternatives:
            other = _score(rules, alternative, predicted)
            if other.total > best.total:
                best = other._replace(used_alternative=True)
    return best


def _score(rules: Rules, gold: Sequence[GoldAction], predicted: Sequence[Prediction]) -> StepScore:
    if not gold:
        return StepScore(0.0, {})
    wanted = _gold_with_enter(gold)
    said = _said_with_enter(predicted)
    penalty = min(1.0, len(wanted) / len(said)) if rules.extra_actions_cost else 1.0
    first = wanted[0]
    if first["type"] == "terminate":
        right = said[0] == ("terminate", first["params"].get("status"))
        return StepScore(penalty if right else 0.0, {"terminate": penalty if right else 0.0})
    types = [action["type"].lower() for action in wanted]
    if said[0][0].lower() not in types:
        return StepScore(0.0, dict.fromkeys(types, 0.0))
    scores: defaultdict[str, float] = defaultdict(float)
    for position, (kind, action) in enumerate(zip(types, wanted, strict=True)):
        if position < len(said) and said[position][0].lower() == kind:
            score = _score_action(rules, kind, action, said[position][1])
            if score is not None:
                scores[kind] += score
        else:
            scores[kind] += 0.0
    means = {kind: total / types.count(kind) * penalty for kind, total in scores.items()}
    return StepScore(sum(means.values()) / len(means) if means else 0.0, means)


def _gold_with_enter(gold: Sequence[GoldAction]) -> list[GoldAction]:
    """A text and the enter after it become one text that ends in a newline."""
    joined: list[GoldAction] = []
    rest = list(gold)
    while rest:
        action = rest.pop(0)
        if action["type"].lower() == "write" and rest and _is_gold_enter(rest[0]):
            rest.pop(0)
            field = "text" if "text" in action["params"] else "content"
            text = action["params"][field] + "\n"
            action = {**action, "params": {**action["params"], field: text}}
        joined.append(action)
    return joined


def _is_gold_enter(action: GoldAction) -> bool:
    return action["type"].lower() in ("press", "hotkey") and _is_enter(
        action["params"].get("keys", [])
    )


def _said_with_enter(predicted: Sequence[Prediction]) -> list[Prediction]:
    joined: list[Prediction] = []
    rest = list(predicted)
    while rest:
        kind, value = rest.pop(0)
        # Of a prediction only "press" counts as the enter, of the record "hotkey" too.
        if (
            kind.lower() == "write"
            and rest
            and rest[0][0].lower() == "press"
            and _is_enter(rest[0][1])
        ):
            rest.pop(0)
            kind, value = "write", value + "\n"
        joined.append((kind, value))
    return joined


def _is_enter(keys: Any) -> bool:
    return isinstance(keys, list) and len(keys) == 1 and str(keys[0]).lower() in _ENTER


def _score_action(rules: Rules, kind: str, gold: GoldAction, value: Any) -> float | None:
    """None: no rule knows the type."""
    params = gold["params"]
    if kind in _POINTED:
        return _score_point(gold, value)
    if kind == "write":
        return _score_text(params.get("content", "") or params.get("text", ""), value)
    if kind in ("press", "hotkey"):
        return float(rules.keys_alike(value, params.get("keys", [])))
    if kind == "scroll":
        return rules.scroll_score(value, params)
    return None


def _score_point(gold: GoldAction, point: tuple[float, float]) -> float:
    x, y = point
    boxes = [box["rel_bbox"] for box in gold.get("metadata", {}).get("bboxes", [])]
    if any(_inside(x, y, box) for box in boxes):
        return 1.0
    wanted = gold["params"]["position"]
    try:
        # Not math.hypot: the last bit is to be theirs.
        distance = ((x - wanted["x"]) ** 2 + (y - wanted["y"]) ** 2) ** 0.5
    except OverflowError:
        return 0.0
    if distance <= NEAR_ENOUGH:
        return 1.0
    return math.exp(-DECAY * (distance - NEAR_ENOUGH))


def _inside(x: float, y: float, box: Any) -> bool:
    """Numbers may be written as text; a box that is none holds nothing."""
    try:
        left, top, width, height = (float(box[index]) for index in range(4))
    except (ValueError, TypeError, IndexError):
        return False
    return left <= x <= left + width and top <= y <= top + height


def _score_text(wanted: str, said: str) -> float:
    wanted, said = wanted.lower().strip(), said.lower().strip()
    longest = max(len(wanted), len(said))
    if not longest:
        return 1.0
    alike = 1.0 - Levenshtein.distance(said, wanted) / longest
    return 1.0 if alike >= ALIKE_ENOUGH else alike / ALIKE_ENOUGH


def _same_set(said: Any, wanted: Any) -> bool:
    if isinstance(said, list) and isinstance(wanted, list):
        return {str(key).lower() for key in said} == {str(key).lower() for key in wanted}
    return bool(said == wanted)


def _same_order(said: Any, wanted: Any) -> bool:
    if isinstance(said, list) and isinstance(wanted, list):
        return [str(key).lower() for key in said] == [str(key).lower() for key in wanted]
    return bool(said == wanted)


def _any_scroll(said: Any, params: Mapping[str, Any]) -> float:
    return 1.0


def _same_way_and_length(said: Any, params: Mapping[str, Any]) -> float:
    amount = params.get("amount", params.get("pixels"))
    wanted_way = _way(amount if amount is not None else params.get("direction"))
    said_way = _way(said)
    if wanted_way and said_way != wanted_way:
        return 0.0
    if isinstance(said, int | float) and isinstance(amount, int | float):
        shorter, longer = sorted((abs(float(said)), abs(float(amount))))
        if not longer:
            return 1.0
        return shorter / longer
    return float(said_way == wanted_way)


def _way(value: Any) -> int:
    """1 up, -1 down, 0 not known."""
    if isinstance(value, str):
        word = value.strip().lower()
        if word in ("up", "positive"):
            return 1
        if word in ("down", "negative"):
            return -1
        try:
            value = float(word)
        except ValueError:
            return 0
    if isinstance(value, int | float):
        return (value > 0) - (value < 0)
    return 0


SNAPSHOT = Rules("snapshot", _same_set, _any_scroll, extra_actions_cost=False)
REVISED = Rules("60da8b9", _same_order, _same_way_and_length, extra_actions_cost=True)
EVERY_RULES = (SNAPSHOT, REVISED)
