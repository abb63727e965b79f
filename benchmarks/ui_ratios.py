"""Steps of the same pages in several arms, compared: how much longer, and how sure that is.

A step counts where all arms of its round gave the same answers up to it: else they would be
compared over different work. Steps of one page are alike, so whole pages are drawn for the
intervals (a bootstrap by clusters), never single steps.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any, Literal

import numpy

Arm = Literal["unwatched", "control", "watched"]
ARMS: tuple[Arm, ...] = ("unwatched", "control", "watched")
"""The control is unwatched as well: what it differs by is noise."""
OTHERS = 0.1
"""Of one core that others may take, or the round does not count. Whether it does is told by them
alone, not by how long it took."""
_NUM_DRAWS = 4_000
_LEVEL = (2.5, 97.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTime:
    answer: str
    seconds: float
    parts: dict[str, float]
    """Seconds by what they went to, as the log has them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """One episode."""

    page: str
    repeat: int
    arm: Arm
    cpu: dict[str, float]
    """Seconds of the whole episode: that "agent", "desktop" and "cockpit" ran, that each of them
    "waits" for a core, that "others" ran who have nothing to do with it, and the "wall"'s."""
    steps: tuple[StepTime, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """One step, as often as its page was done."""

    page: str
    times: dict[Arm, tuple[StepTime, ...]]

    def typical(self, arm: Arm, of: Callable[[StepTime], float]) -> float:
        return median(of(time) for time in self.times[arm])


def together(runs: Iterable[Sequence[Played]]) -> list[Played]:
    """Of several runs of the benchmark, which number their rounds from 0 each: as of one run."""
    episodes: list[Played] = []
    for run in runs:
        before = max((each.repeat for each in episodes), default=-1) + 1
        episodes += [replace(each, repeat=before + each.repeat) for each in run]
    return episodes


def undisturbed(episodes: Iterable[Played]) -> tuple[list[dict[Arm, Played]], int]:
    """Rounds, and how many were left out since others worked on the machine in one of its arms."""
    rounds: defaultdict[tuple[str, int], dict[Arm, Played]] = defaultdict(dict)
    for each in episodes:
        rounds[each.page, each.repeat][each.arm] = each
    # Time was over in the middle of the last.
    whole = [arms for arms in rounds.values() if len(arms) == len(ARMS)]
    calm = [
        arms
        for arms in whole
        if all(each.cpu["others"] <= OTHERS * each.cpu["wall"] for each in arms.values())
    ]
    return calm, len(whole) - len(calm)


def matched(rounds: Iterable[dict[Arm, Played]]) -> tuple[list[Matched], int]:
    """Also how many steps were left out, since an arm went another way."""
    steps: defaultdict[tuple[str, int, str], list[dict[Arm, StepTime]]] = defaultdict(list)
    num_left_out = 0
    for arms in rounds:
        longest = max(len(each.steps) for each in arms.values())
        common = _num_common([each.steps for each in arms.values()])
        num_left_out += longest - common
        for place in range(common):
            at_once = {arm: each.steps[place] for arm, each in arms.items()}
            steps[arms["watched"].page, place, at_once["watched"].answer].append(at_once)
    return [
        Matched(page=page, times={arm: tuple(each[arm] for each in rounds_of) for arm in ARMS})
        for (page, _, _), rounds_of in steps.items()
    ], num_left_out


def _num_common(arms: Sequence[Sequence[StepTime]]) -> int:
    """Steps from the first on whose answers are the same; the last ones end otherwise unless
    all have it as their last."""
    answers = [[step.answer for step in steps] for steps in arms]
    if all(each == answers[0] for each in answers):
        return len(answers[0])
    same = 0
    for at_once in zip(*answers, strict=False):
        if len(set(at_once)) > 1:
            break
        same += 1
    return max(0, min(same, min(len(each) for each in answers) - 1))


def told(episodes: Sequence[Played]) -> dict[str, Any]:
    """Ratios with their intervals at 95 %, and in milliseconds where the difference lies."""
    rounds, num_disturbed = undisturbed(episodes)
    steps, num_left_out = matched(rounds)
    if not steps:
        return {"disturbed_rounds": num_disturbed}
    counted = [each for arms in rounds for each in arms.values()]
    names = sorted({name for step in steps for name in step.times["watched"][0].parts})
    return {
        "pages": len({step.page for step in steps}),
        "steps": len(steps),
        "steps_in_each_arm": sum(len(step.times["watched"]) for step in steps),
        "disturbed_rounds": num_disturbed,
        "other_answers": num_left_out,
        "watched": _compared(steps, "watched"),
        "control": _compared(steps, "control"),
        "parts_ms": {name: {arm: _mean_ms(steps, arm, name) for arm in ARMS} for name in names},
        "cpu_ms_a_step": {
            name: {arm: _cpu_ms(counted, arm, name) for arm in ARMS} for name in counted[0].cpu
        },
    }


def _compared(steps: Sequence[Matched], arm: Arm) -> dict[str, Any]:
    """Arm against unwatched: every second of every step, outliers and all; of each step the
    median of its repetitions, then the sums; and the median over the pairs of one round."""
    by_page: defaultdict[str, list[Matched]] = defaultdict(list)
    for step in steps:
        by_page[step.page].append(step)
    pages = list(by_page.values())
    return {
        "ms": _mean_ms(steps, arm, None),
        "of_ms": _mean_ms(steps, "unwatched", None),
        "ratio_of_sums": _of_sums(
            [[_sums(page, each) for each in (arm, "unwatched")] for page in pages]
        ),
        "ratio_of_typical_sums": _of_sums(
            [[_typical_sums(page, each) for each in (arm, "unwatched")] for page in pages]
        ),
        "median_of_pairs": _of_pairs([_pairs(page, arm) for page in pages]),
    }


def _sums(page: Sequence[Matched], arm: Arm) -> float:
    return sum(time.seconds for step in page for time in step.times[arm])


def _typical_sums(page: Sequence[Matched], arm: Arm) -> float:
    return sum(step.typical(arm, lambda time: time.seconds) for step in page)


def _pairs(page: Sequence[Matched], arm: Arm) -> list[float]:
    return [
        mine.seconds / other.seconds
        for step in page
        for mine, other in zip(step.times[arm], step.times["unwatched"], strict=True)
    ]


def _of_sums(pages: Sequence[Sequence[float]]) -> list[float]:
    """
    Args:
        pages: of each the sum of the arm and the sum unwatched.
    """
    sums = numpy.array(pages)
    drawn = sums[_drawn_pages(len(pages))].sum(axis=1)
    return _with_interval(sums[:, 0].sum() / sums[:, 1].sum(), drawn[:, 0] / drawn[:, 1])


def _of_pairs(pages: Sequence[Sequence[float]]) -> list[float]:
    drawn = [
        median(ratio for place in places for ratio in pages[place])
        for places in _drawn_pages(len(pages))
    ]
    return _with_interval(median(ratio for page in pages for ratio in page), drawn)


def _drawn_pages(num_pages: int) -> numpy.ndarray:
    """[draws, pages] of places in the list of pages; the same for the same number."""
    return numpy.random.default_rng(0).integers(num_pages, size=(_NUM_DRAWS, num_pages))


def _with_interval(ratio: float, drawn: Sequence[float] | numpy.ndarray) -> list[float]:
    """The ratio, and the ends of its interval."""
    return [round(float(each), 4) for each in (ratio, *numpy.percentile(drawn, _LEVEL))]


def _mean_ms(steps: Sequence[Matched], arm: Arm, part: str | None) -> float:
    """The mean over steps of their typical time."""

    def of(time: StepTime) -> float:
        return time.seconds if part is None else time.parts.get(part, 0.0)

    return round(sum(step.typical(arm, of) for step in steps) / len(steps) * 1e3, 2)


def _cpu_ms(episodes: Sequence[Played], arm: Arm, process: str) -> float:
    of_arm = [each for each in episodes if each.arm == arm]
    num_steps = sum(len(each.steps) for each in of_arm)
    return round(sum(each.cpu[process] for each in of_arm) / num_steps * 1e3, 2)
