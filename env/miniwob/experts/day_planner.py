"""A day's calendar: find a free stretch in the asked hours, drag over it, name the event."""

import re
from typing import NamedTuple

from env.actions import Point
from env.miniwob.experts.gestures import drag, fill, press_button, scroll_to
from env.miniwob.experts.registry import ExpertLost, Move, expert
from env.miniwob.experts.sight import Element, find, find_all, find_shown
from env.miniwob.page import MiniWobPage

WINDOW_SLOTS = 8
"""Four hours in half hours: every window of the task."""

EDGE_PX = 6
"""How far from the ends of a stretch the drag starts and ends, where the screen allows."""

_HOURS = {"8AM": 8, "12PM": 12, "4PM": 16}


class Plan(NamedTuple):
    slots: int
    """Half hours."""
    name: str
    first: int
    """First half hour of the window, counted from midnight."""


@expert("daily-calendar")
def plan_event(page: MiniWobPage) -> Move:
    plan = _plan(page.instruction)
    if find_shown(page, "#create-event"):
        return _name_event(page, plan)
    if find_shown(page, "#newEvent"):
        raise ExpertLost("an event was made and its form is gone")
    halves = find_all(page, ".half-hour")
    events = find_shown(page, ".event")
    latest = plan.first + WINDOW_SLOTS - plan.slots
    for slot in range(plan.first, latest + 1):
        stretch = halves[slot : slot + plan.slots]
        if not any(_overlap(half, event) for half in stretch for event in events):
            return _drag_over(stretch)
    raise ExpertLost(f"no {plan.slots} free half hours from half hour {plan.first} on")


def _plan(instruction: str) -> Plan:
    asked = re.search(r'a ([\d.]+) (mins|hours?) event named "(.*)", between (\w+) ', instruction)
    if asked is None:
        raise ExpertLost(f"no event in {instruction!r}")
    amount, unit, name, start = asked.groups()
    halves = float(amount) / 30 if unit == "mins" else float(amount) * 2
    return Plan(slots=round(halves), name=name, first=2 * _HOURS[start])


def _name_event(page: MiniWobPage, plan: Plan) -> Move:
    start, end = page.evaluate("() => [+newEvent.dataset.start, +newEvent.dataset.end]")
    fits = plan.first <= start and end <= plan.first + WINDOW_SLOTS
    if end - start != plan.slots or not fits:
        return press_button(page, "#create-event .cancel", "This is not the asked time.")
    move = fill(find(page, "#event-name"), plan.name, "the event name field")
    return move or press_button(page, "#create-event .create", "All is done; create it.")


def _overlap(half: Element, event: Element) -> bool:
    """Edges that touch do not count: events are a pixel taller than their half hours."""
    return event.box.top < half.box.bottom - 3 and event.box.bottom > half.box.top + 3


def _drag_over(stretch: tuple[Element, ...]) -> Move:
    """From the first half hour to the last; of either a part in sight will do.

    The screen shows 160 pixels, a notch of the wheel moves 120: whole half hours of 90
    minutes can be out of reach at every stop of it.
    """
    first, last = stretch[0].box, stretch[-1].box
    view = stretch[0].scroller
    top, bottom = (view.box.top, view.box.bottom) if view else (first.top, last.bottom)
    start, end = max(first.top + EDGE_PX, top + 2), min(last.bottom - EDGE_PX, bottom - 3)
    if start > first.bottom - 3 or end < last.top + 4:
        return scroll_to(stretch[0] if start > first.bottom - 3 else stretch[-1], "a free time")
    x = first.center[0]
    return drag(
        Point(x, start),
        Point(x, end),
        stretch[0].box_in_sight,
        "down",
        f"over {len(stretch)} half hours",
        "This time is free.",
    )
