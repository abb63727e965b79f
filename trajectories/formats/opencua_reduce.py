"""AgentNetTool's reduction of raw events, with its results, its losses and its accidents.

Kept to get what their tool gets from a recording; `trajectories.reduce` is ours.
Constants and order of work are those of xlang-ai/AgentNetTool at 88da023,
`core/action_reduction`. What surprises there and is kept here:

* moves before the release of an ordinary key are lost;
* a mouse button's release beside a key's press is taken before it;
* nothing limits the time between typed keys or the ways of a scroll;
* the last action is described twice, which turns a drag into a click in words;
* a scroll nothing follows is never complete, and dropped.

Pausing and resuming, which make their tool give up, are passed over.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from trajectories.formats.opencua_action import (
    Event,
    Key,
    Reduced,
    action_of,
    break_off,
    broken_off,
    click_of,
    distance,
    is_typing,
    press_of,
    type_on,
    typing_of,
)
from trajectories.formats.opencua_buffer import EventBuffer
from trajectories.formats.opencua_words import describe, described

MULTI_CLICK_SECONDS = 0.5
MULTI_CLICK_PIXELS = 4


def reduce_events(events: Sequence[Mapping[str, Any]]) -> list[Reduced]:
    """The actions their tool makes of `events.jsonl`, numbered.

    Raises:
        ValueError: an event of a kind they do not know.
    """
    buffer = EventBuffer()
    for event in events:
        if event["action"] not in ("pause", "resume"):
            buffer.add(dict(event))
    actions = _Reducer(buffer.events).reduced()
    actions = described(actions)
    for number, action in enumerate(actions):
        action.own["id"] = number
    return actions


class _Reducer:
    """Stage 2: halves into wholes, what lies between them inside."""

    def __init__(self, events: list[Event]) -> None:
        self._events = events
        self._actions: list[Reduced] = []
        self._open: dict[Key, int] = {}
        """Where the action of something pressed stands."""

    def reduced(self) -> list[Reduced]:
        index = 0
        # The list may grow while it is walked, as theirs does.
        while index < len(self._events):
            event = self._events[index]
            match event["action"]:
                case "scroll":
                    self._scroll(event)
                case "type":
                    self._type(event)
                case "press" if event["key"][1]:
                    self._modifier_down(event, index)
                case "press":
                    self._modifier_up(event)
                case "click" if event["key"][1]:
                    self._button_down(event, index)
                case "click":
                    self._button_up(event)
            index += 1
        return self._actions

    def _last(self, kind: str) -> Reduced | None:
        last = self._actions[-1] if self._actions else None
        return last if last is not None and last.action == kind else None

    def _scroll(self, event: Event) -> None:
        last = self._last("scroll")
        if last is None:
            own = {"trace": event["trace"], "time_trace": event["time_trace"]}
            self._actions.append(action_of(event, own))
        else:
            last.own["trace"].extend(event["trace"])
            last.own["time_trace"].extend(event["time_trace"])
            last.end_time = event["end_time"]

    def _type(self, event: Event) -> None:
        if (last := self._last("type")) is not None:
            type_on(last, event["key_names"], [event["time_stamp"]])
        elif (last := self._last("press")) is not None and is_typing(last):
            assert last.children is not None
            type_on(last.children[0], event["key_names"], [event["time_stamp"]])
            describe(last)
        else:
            self._actions.append(typing_of(event))

    def _modifier_down(self, event: Event, index: int) -> None:
        if event["matched"] is None:
            self._actions.append(broken_off(press_of(event), 0.01))
            return
        self._move_crossing(event, index)
        if event["key"] not in self._open:
            self._open[event["key"]] = len(self._actions)
            self._actions.append(press_of(event))

    def _move_crossing(self, event: Event, index: int) -> None:
        """What begins within and ends after is moved to before, where it is never looked at."""
        end = event["matched"]
        for within in range(index + 1, end + 1):
            crossing = self._events[within]
            if crossing.get("matched") is not None and crossing["matched"] > end:
                self._events.pop(within)
                crossing["start_time"] = event["start_time"]
                self._events.insert(index, crossing)

    def _modifier_up(self, event: Event) -> None:
        start = self._find_start(event["key"])
        if start is None:
            return
        opened = self._actions[start]
        opened.end_time, opened.complete = event["time_stamp"], True
        self._open.pop((event["key"][0], True), None)
        self._take_in(start)

    def _button_down(self, event: Event, index: int) -> None:
        match_index = event["matched"]
        if match_index is None:
            self._actions.append(broken_off(click_of(event), 0.5))
            return
        between = self._events[index + 1] if match_index == index + 2 else None
        if between is not None and between["action"] == "press" and between["key"][1]:
            self._events.insert(index + 1, self._events.pop(index + 2))
        if event["key"] in self._open:
            break_off(self._actions[self._open[event["key"]]], 0.5)
        self._open[event["key"]] = len(self._actions)
        self._actions.append(click_of(event))

    def _button_up(self, event: Event) -> None:
        start = self._find_start(event["key"])
        if start is None:
            return
        del self._open[event["key"][0], True]
        release = click_of(event)
        release.complete = True
        self._actions.append(release)
        pressed = self._actions[start]
        pressed.end_time, pressed.complete = event["time_stamp"], True
        pressed.own["time_trace"][-1]["end_time"] = event["time_stamp"]
        self._take_in(start)
        self._count_clicks(start)

    def _count_clicks(self, start: int) -> None:
        pressed = self._actions[start]
        earlier = self._last_click_like(pressed, start)
        if earlier is None:
            return
        first = self._actions[earlier]
        if distance(first, pressed) < MULTI_CLICK_PIXELS and first.own["click_type"] < 3:
            first.own["click_type"] += 1
            for action in self._actions[earlier + 1 :]:
                action.vis = False
            self._take_in(earlier)

    def _last_click_like(self, pressed: Reduced, start: int) -> int | None:
        # Theirs looks back from every place but the second.
        if start == 1:
            return None
        for index in range(start - 1, -1, -1):
            earlier = self._actions[index]
            if pressed.start_time - earlier.start_time >= MULTI_CLICK_SECONDS:
                return None
            if earlier.key[0] == pressed.key[0] and earlier.complete:
                return index
        return None

    def _find_start(self, key: Key) -> int | None:
        for index in range(len(self._actions) - 1, -1, -1):
            action = self._actions[index]
            if action.key == (key[0], True) and not action.complete:
                return index
        return None

    def _take_in(self, start: int) -> None:
        for action in self._actions[start + 1 :]:
            self._actions[start].add_child(action)
        del self._actions[start + 1 :]
