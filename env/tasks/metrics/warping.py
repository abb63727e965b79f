"""Fast dynamic time warping (Salvador and Chan, 2007): two series laid over each other.

The way through all pairs is sought on halves, quarters ... of the series first, and
only looked for near the last way found. Approximate, and linear in time.
"""

from collections.abc import Callable, Iterable
from typing import Any

_RADIUS = 1
"""How far from the coarser way a finer one may lead, in steps."""

Way = list[tuple[int, int]]
Distance = Callable[[Any, Any], float]


def fast_dtw(one: Any, other: Any, distance: Distance) -> tuple[float, Way]:
    """Args: one, other: rows of numbers. Returns the length of the way, and its pairs."""
    if min(len(one), len(other)) < _RADIUS + 2:
        return _best(one, other, distance, None)
    _, coarse = fast_dtw(_halved(one), _halved(other), distance)
    return _best(one, other, distance, _near(coarse, len(one), len(other)))


def _halved(series: Any) -> Any:
    end = len(series) - len(series) % 2
    return (series[0:end:2] + series[1:end:2]) / 2


def _near(coarse: Way, rows: int, columns: int) -> list[tuple[int, int]]:
    """Pairs that a finer way may go through, row by row and from the left."""
    around = range(-_RADIUS, _RADIUS + 1)
    steps = [(down, right) for down in around for right in around]
    wide = {(row + down, column + right) for row, column in coarse for down, right in steps}
    fine = {
        (2 * row + down, 2 * column + right)
        for row, column in wide
        for down in (0, 1)
        for right in (0, 1)
    }
    window: list[tuple[int, int]] = []
    start = 0
    for row in range(rows):
        first = None
        for column in range(start, columns):
            if (row, column) in fine:
                window.append((row, column))
                first = column if first is None else first
            elif first is not None:
                break
        # What lies left of a row's first pair is not looked at again further down.
        start = start if first is None else first
    return window


def _best(
    one: Any, other: Any, distance: Distance, window: Iterable[tuple[int, int]] | None
) -> tuple[float, Way]:
    rows, columns = len(one), len(other)
    everywhere = ((row, column) for row in range(rows) for column in range(columns))
    far = float("inf")
    best: dict[tuple[int, int], tuple[float, int, int]] = {(0, 0): (0.0, 0, 0)}
    for row, column in everywhere if window is None else window:
        step = distance(one[row], other[column])
        here = (row + 1, column + 1)
        # In this order: of equal ways the first is taken.
        before = ((row, column + 1), (row + 1, column), (row, column))
        ways = ((best.get(place, (far, 0, 0))[0] + step, *place) for place in before)
        best[here] = min(ways, key=lambda way: way[0])
    way: Way = []
    row, column = rows, columns
    while (row, column) != (0, 0):
        way.append((row - 1, column - 1))
        _, row, column = best[row, column]
    way.reverse()
    return best[rows, columns][0], way
