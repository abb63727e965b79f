"""Where the bars of a plot lie: plain numbers for a page's SVG, in pixels from the top left.

What a bar stands for is its number in a series; the page gives series their
colours, so that light and dark have their own.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

LABEL_PX, PLOT_PX, VALUE_PX = 210, 620, 110
BAR_PX, GAP_PX, GROUP_GAP_PX = 13, 3, 10
HISTOGRAM_HEIGHT_PX = 170


class Measure(NamedTuple):
    mean: float
    """A share, 0 to 1 (MiniWoB++'s rewards may be below 0 and are drawn as 0)."""
    error: float | None


class Part(NamedTuple):
    """Of a bar that is put together."""

    name: str
    series: int
    length: float
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    series: int
    words: str
    """Told when the pointer rests on it."""
    whisker: tuple[float, float] | None = None
    """From x to x: a standard error to each side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    x: float
    y: float
    words: str
    anchor: str = "start"
    on_bar: bool = False
    """Written on a bar's colour, not on the paper."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    width: float
    height: float
    bars: tuple[Bar, ...]
    labels: tuple[Label, ...]
    lines: tuple[tuple[float, str], ...] = ()
    """Upright rules: x and what they stand for."""
    legend: tuple[tuple[str, int], ...] = ()
    """What the series are, with their numbers."""


def grouped_bars(names: Sequence[str], measures: Sequence[Mapping[str, Measure]]) -> Chart | None:
    """A group of bars for every domain, a bar in it for every evaluation."""
    domains = list(dict.fromkeys(domain for each in measures for domain in each))
    if not domains:
        return None
    bars, labels = [], []
    top = 8.0
    for domain in domains:
        shown = [(number, each[domain]) for number, each in enumerate(measures) if domain in each]
        height = len(shown) * (BAR_PX + GAP_PX)
        middle = top + height / 2 + 2
        labels.append(Label(x=LABEL_PX - 10, y=middle, words=domain, anchor="end"))
        for place, (number, measure) in enumerate(shown):
            y = top + place * (BAR_PX + GAP_PX)
            bar = _share_bar(y, number, measure, f"{names[number]}, {domain}")
            bars.append(bar)
            end = max(bar.x + bar.width, bar.whisker[1] if bar.whisker else 0.0)
            labels.append(Label(x=end + 6, y=y + BAR_PX - 2, words=f"{measure.mean:.0%}"))
        top += height + GROUP_GAP_PX
    lines = tuple((LABEL_PX + PLOT_PX * share, f"{share:.0%}") for share in (0, 0.25, 0.5, 0.75, 1))
    return Chart(
        width=LABEL_PX + PLOT_PX + VALUE_PX,
        height=top + 18,
        bars=tuple(bars),
        labels=tuple(labels),
        lines=lines,
        legend=_legend(names),
    )


def _share_bar(y: float, series: int, measure: Measure, what: str) -> Bar:
    mean = min(max(measure.mean, 0.0), 1.0)
    whisker = None
    spread = ""
    if measure.error is not None:
        low, high = max(mean - measure.error, 0.0), min(mean + measure.error, 1.0)
        whisker = (LABEL_PX + PLOT_PX * low, LABEL_PX + PLOT_PX * high)
        spread = f" ± {measure.error:.1%}"
    return Bar(
        x=LABEL_PX,
        y=y,
        width=max(PLOT_PX * mean, 1.0),
        height=BAR_PX,
        series=series,
        words=f"{what}: {measure.mean:.1%}{spread}",
        whisker=whisker,
    )


def stacked_bars(names: Sequence[str], rows: Sequence[Sequence[Part]]) -> Chart | None:
    """A bar for every evaluation, made of its parts; all at one scale."""
    kinds = {part.name: part.series for row in rows for part in row}
    longest = max((sum(part.length for part in row) for row in rows), default=0.0)
    if not kinds or longest <= 0:
        return None
    bars, labels = [], []
    told = [(name, row) for name, row in zip(names, rows, strict=True) if row]
    for place, (name, row) in enumerate(told):
        y = 8.0 + place * (2 * BAR_PX + GROUP_GAP_PX)
        labels.append(Label(x=LABEL_PX - 10, y=y + BAR_PX + 4, words=name, anchor="end"))
        x = float(LABEL_PX)
        for part in row:
            width = PLOT_PX * part.length / longest
            bars.append(
                Bar(
                    x=x,
                    y=y,
                    # A hair's breadth of paper between neighbours.
                    width=max(width - 1.5, 0.5),
                    height=2 * BAR_PX,
                    series=part.series,
                    words=f"{name}, {part.name}: {part.words}",
                )
            )
            if width > 11 * len(part.words):
                labels.append(
                    Label(
                        x=x + width / 2,
                        y=y + BAR_PX + 4,
                        words=part.words,
                        anchor="middle",
                        on_bar=True,
                    )
                )
            x += width
    return Chart(
        width=LABEL_PX + PLOT_PX + VALUE_PX,
        height=8.0 + len(told) * (2 * BAR_PX + GROUP_GAP_PX),
        bars=tuple(bars),
        labels=tuple(labels),
        legend=tuple(kinds.items()),
    )


def histogram(names: Sequence[str], values: Sequence[Sequence[float]]) -> Chart | None:
    """How many tasks took how many steps, side by side for every evaluation."""
    most = max((value for row in values for value in row), default=0.0)
    if most <= 0:
        return None
    per_bin = max(1, math.ceil((most + 1) / 20))
    num_bins = math.floor(most / per_bin) + 1
    counts = [
        [sum(per_bin * n <= value < per_bin * (n + 1) for value in row) for n in range(num_bins)]
        for row in values
    ]
    tallest = max(max(row) for row in counts)
    wide = (LABEL_PX + PLOT_PX) / num_bins
    bars, labels = [], []
    for number in range(num_bins):
        left = 40 + number * wide
        first, last = per_bin * number, per_bin * (number + 1) - 1
        span = f"{first}" if per_bin == 1 else f"{first}-{last}"
        middle = left + wide / 2
        labels.append(Label(x=middle, y=HISTOGRAM_HEIGHT_PX + 22, words=span, anchor="middle"))
        each = (wide - 6) / len(names)
        for series, row in enumerate(counts):
            height = (HISTOGRAM_HEIGHT_PX - 10) * row[number] / tallest
            words = f"{names[series]}: {row[number]} tasks of {span} steps"
            if not row[number]:
                continue
            x = left + 3 + series * each
            bars.append(
                Bar(
                    x=x,
                    y=HISTOGRAM_HEIGHT_PX + 6 - height,
                    width=max(each - 1.5, 1.0),
                    height=height,
                    series=series,
                    words=words,
                )
            )
            labels.append(
                Label(
                    x=x + each / 2,
                    y=HISTOGRAM_HEIGHT_PX + 2 - height,
                    words=str(row[number]),
                    anchor="middle",
                )
            )
    return Chart(
        width=LABEL_PX + PLOT_PX + VALUE_PX,
        height=HISTOGRAM_HEIGHT_PX + 30,
        bars=tuple(bars),
        labels=tuple(labels),
        legend=_legend(names),
    )


def _legend(names: Sequence[str]) -> tuple[tuple[str, int], ...]:
    """None for a single one: the page's title says which it is."""
    return tuple((name, number) for number, name in enumerate(names)) if len(names) > 1 else ()
