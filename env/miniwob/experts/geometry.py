"""One point to be found by measuring: centres, midpoints, bisectors, right angles.

The pages draw the point where `event.pageX` and `pageY - 50` say, in a picture whose corner
lies at (2, 52): 2 px right of and below the click. So a click is aimed 2 px up and left of
where the point is to appear.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

from env.actions import Click, Point
from env.miniwob.experts.gestures import submit
from env.miniwob.experts.registry import ExpertLost, Move, expert
from env.miniwob.experts.sight import find_all
from env.miniwob.page import MiniWobPage
from env.screen import Box

QUERY_HEIGHT = 50
WIDTH, HEIGHT = 150, 130
"""Of the picture, px."""

CIRCLES = "() => [...document.querySelectorAll('svg circle')].map(c => [c.getAttribute('class')"
CIRCLES += " || '', c.id, +c.getAttribute('cx'), +c.getAttribute('cy')])"


class Spot(NamedTuple):
    """In pixels of the picture."""

    x: float
    y: float


@expert("circle-center")
def circle_center(page: MiniWobPage) -> Move:
    return place(page, spots(page, "black-circle")[0], "the center of the circle")


@expert("find-midpoint")
def find_midpoint(page: MiniWobPage) -> Move:
    a, b = spots(page, "black-circle")
    return place(page, Spot((a.x + b.x) / 2, (a.y + b.y) / 2), "the middle of the two points")


@expert("bisect-angle")
def bisect_angle(page: MiniWobPage) -> Move:
    """Where the bisector meets the line between the two ends (angle bisector theorem)."""
    (vertex,) = spots(page, "init-blue")
    a, b = spots(page, "init-black")
    to_a, to_b = math.dist(vertex, a), math.dist(vertex, b)
    share = to_a / (to_a + to_b)
    crossing = Spot(a.x + share * (b.x - a.x), a.y + share * (b.y - a.y))

    def error(spot: Spot) -> float:
        return abs(angle(a, vertex, spot) - angle(b, vertex, spot))

    return place(page, best_near(crossing, error, vertex), "a point on the bisector")


@expert("right-angle")
def right_angle(page: MiniWobPage) -> Move:
    """At a right angle from the blue point, on the side where the picture has more room."""
    (vertex,) = spots(page, "init-blue")
    (end,) = spots(page, "init-black")
    length = math.dist(vertex, end)
    across = Spot((end.y - vertex.y) / length, (vertex.x - end.x) / length)
    sides = [
        Spot(vertex.x + sign * reach * across.x, vertex.y + sign * reach * across.y)
        for reach in (40, 30, 20, 12)
        for sign in (1, -1)
    ]
    inside = [side for side in sides if 4 <= side.x < WIDTH - 4 and 4 <= side.y < HEIGHT - 4]
    if not inside:
        raise ExpertLost(f"no room for a right angle at {vertex}")

    def error(spot: Spot) -> float:
        return abs(angle(end, vertex, spot) - 90)

    return place(page, best_near(inside[0], error, vertex), "a point at a right angle")


def place(page: MiniWobPage, spot: Spot, name: str) -> Move:
    """Put the blue point where it belongs, then submit; a misplaced one moves with a click."""
    goal = Spot(round(spot.x), round(spot.y))
    drawn = [
        Spot(x, y)
        for name_, id_, x, y in page.evaluate(CIRCLES)
        if id_ == "blue-circle" and name_ == "blue"
    ]
    if drawn and math.dist(drawn[0], goal) < 1.5:
        return submit(page)
    at = Point(int(goal.x), int(goal.y) + QUERY_HEIGHT)
    thought = "The point is not in the right place." if drawn else "The point is not drawn yet."
    return Move(
        action=Click(at),
        target=Box(at.x - 4, at.y - 4, at.x + 5, at.y + 5),
        words=f"Click {name}.",
        thought=thought,
    )


def best_near(wanted: Spot, error: Callable[[Spot], float], vertex: Spot) -> Spot:
    """The whole pixel with the least error around the wanted spot, near ones first.

    A pixel is 1 or 2 degrees from the vertex at the distances drawn here, so the nearest
    pixel alone can be off by that much.
    """
    around = [
        Spot(round(wanted.x) + dx, round(wanted.y) + dy)
        for dx in range(-4, 5)
        for dy in range(-4, 5)
        if 0 <= round(wanted.x) + dx < WIDTH and 0 <= round(wanted.y) + dy < HEIGHT
    ]
    return min(
        (spot for spot in around if spot != vertex),
        key=lambda spot: error(spot) + 0.05 * math.dist(spot, wanted),
    )


def angle(a: Spot, vertex: Spot, b: Spot) -> float:
    """Degrees between the two arms, 0 to 180."""
    turn = math.atan2(a.y - vertex.y, a.x - vertex.x) - math.atan2(b.y - vertex.y, b.x - vertex.x)
    degrees = abs(math.degrees(turn)) % 360
    return min(degrees, 360 - degrees)


def spots(page: MiniWobPage, name: str) -> list[Spot]:
    """Centres of the circles of a class, or of an id (right-angle gives ids)."""
    found = [Spot(x, y) for name_, id_, x, y in page.evaluate(CIRCLES) if name in (name_, id_)]
    if not found:
        raise ExpertLost(
            f"no {name} in the picture, which has {len(find_all(page, 'svg *'))} parts"
        )
    return found
