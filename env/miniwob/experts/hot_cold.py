"""Find a hidden spot by moving the pointer: every answer leaves a ring of possible places."""

import math

from env.actions import Click, Point
from env.actions import Move as PointerMove
from env.miniwob.experts.registry import ExpertLost, Move, expert
from env.miniwob.experts.sight import find
from env.miniwob.page import MiniWobPage
from env.screen import Box

RINGS = {"HOT": (0.0, 5.0), "WARM": (5.0, 10.0), "COLD": (10.0, 40.0), "ICE COLD": (40.0, 999.0)}
"""Pixels from the spot at which the page gives this answer; the upper end is excluded."""

AREA_TOP = 50
_SPOTS = tuple((x, AREA_TOP + y) for x in range(5, 155) for y in range(5, 120))
"""Where the page can hide the spot, as far as the pointer can go there."""

# The agent remembers where it was and what was said; the expert has the page write it down,
# under the millisecond at which the episode began. The page's own handler sits on the area
# and has answered when the event comes up to the document.
_PROBES = """
() => {
  if (!window.moonhandProbes) {
    window.moonhandProbes = [];
    document.addEventListener('mousemove', event => {
      const signal = document.querySelector('#signal');
      if (signal && event.target.id === 'touch-area')
        window.moonhandProbes.push([core.ept0, event.pageX, event.pageY, signal.textContent]);
    });
  }
  return window.moonhandProbes.filter(probe => probe[0] === core.ept0)
    .map(([episode, ...probe]) => probe);
}
"""


@expert("hot-cold")
def find_hot_spot(page: MiniWobPage) -> Move:
    """Go to the middle of what is left; the first look goes to the middle of all."""
    seen: list[tuple[int, int, str]] = [
        (int(x), int(y), str(answer)) for x, y, answer in page.evaluate(_PROBES)
    ]
    for x, y, answer in seen:
        if answer == "HOT":
            return _at(Point(x, y), page, "It is HOT here; click.", is_click=True)
    left = [(x, y) for x, y in _SPOTS if all(_fits(x, y, *probe) for probe in seen)]
    if not left:
        raise ExpertLost(f"no place fits the answers {seen}")
    middle_x = sum(x for x, _ in left) / len(left)
    middle_y = sum(y for _, y in left) / len(left)
    x, y = min(left, key=lambda spot: math.hypot(spot[0] - middle_x, spot[1] - middle_y))
    thought = f"It was {seen[-1][2]} there." if seen else "Start in the middle."
    return _at(Point(x, y), page, thought, is_click=False)


def _fits(x: int, y: int, probe_x: int, probe_y: int, answer: str) -> bool:
    nearest, farthest = RINGS[answer]
    return nearest <= math.hypot(x - probe_x, y - probe_y) < farthest


def _at(point: Point, page: MiniWobPage, thought: str, *, is_click: bool) -> Move:
    box = Box(point.x - 5, point.y - 5, point.x + 6, point.y + 6)
    area = find(page, "#touch-area").box
    across, down = (point.x - area.left) * 100, (point.y - area.top) * 100
    place = (
        f"{across // (area.right - area.left)} % across, {down // (area.bottom - area.top)} % down"
    )
    return Move(
        action=Click(point) if is_click else PointerMove(point),
        target=box,
        words="Click here." if is_click else f"Move the mouse to {place}.",
        thought=thought,
    )
