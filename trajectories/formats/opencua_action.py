"""The pieces of AgentNetTool's reduction: an event, an action while it is made, how both are told.

See `opencua_reduce`.
"""

import json
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

AFTER_LAST_SECONDS = 0.2
"""Added to the last key of a text, the last tick of a scroll."""

_KEYS = json.loads(Path(__file__).with_name("opencua_keys.json").read_text(encoding="utf-8"))
MODIFIERS = frozenset(_KEYS["modifiers"])
FUNCTION_KEYS = frozenset(_KEYS["functions"])

Event = dict[str, Any]
Key = tuple[tuple[Any, ...], bool | None]
"""What is pressed, and whether it goes down; None where it has no two halves."""


def wrapped(name: str) -> str:
    """As a description spells a key: `$ctrl$`, `$enter$`, `a`."""
    if name in MODIFIERS:
        return f"${name.split('_')[0]}$"
    return f"${name}$" if name in FUNCTION_KEYS else name


@dataclass(slots=True)
class Reduced:
    """One of their actions, while it is made."""

    action: str
    event: Event
    complete: bool
    start_time: float
    end_time: float | None
    key: Key
    pre_move: "Reduced | None" = None
    children: "list[Reduced] | None" = None
    transformed: bool = False
    description: str | None = None
    vis: bool = True
    exception: bool = False
    depth: int = 0
    own: dict[str, Any] = field(default_factory=dict)
    """Fields that only this kind of action has, in their order."""

    def add_child(self, child: "Reduced") -> None:
        self.children = [*(self.children or []), child]

    def dump(self) -> dict[str, Any]:
        """A line of `reduced_events_complete.jsonl`."""
        fields = {
            "action": self.action,
            "event_start_idx": self.event["event_idx"],
            "complete": self.complete,
            "start_time": self.start_time,
            "end_time": self.end_time,
            "description": self.description,
            "vis": self.vis,
            "exception": self.exception,
            "depth": self.depth,
            **self.own,
        }
        fields = {name: value for name, value in fields.items() if value is not None}
        if self.pre_move is not None:
            fields["pre_move"] = self.pre_move.dump()
        if self.children is not None:
            fields["children"] = [child.dump() for child in self.children]
        return fields

    def shown(self) -> dict[str, Any]:
        """A line of `reduced_events_vis.jsonl`, which the annotator edits."""
        fields: dict[str, Any] = {} if "id" not in self.own else {"id": self.own["id"]}
        fields |= {
            "action": self.action,
            "description": self.description,
            "start_time": self.start_time,
            "end_time": self.end_time,
            "depth": self.depth,
            "target": {"mark": False},
            "axtree": None,
        }
        visible = [child.shown() for child in self.children or [] if child.vis]
        if visible:
            fields["children"] = visible
        return fields


def action_of(event: Event, own: dict[str, Any]) -> Reduced:
    moved = event.get("pre_move")
    pre_move = None
    if moved is not None:
        pre_move = action_of(moved, {"trace": moved["trace"], "time_trace": moved["time_trace"]})
        pre_move.vis = False
    return Reduced(
        action=event["action"],
        event=event,
        complete=event["complete"],
        start_time=event["start_time"],
        end_time=event["end_time"],
        key=event["key"],
        pre_move=pre_move,
        own=own,
    )


def typing_of(event: Event) -> Reduced:
    own = {"key_names": list(event["key_names"]), "time_trace": [event["time_stamp"]]}
    action = action_of(event, own)
    action.end_time = event["time_stamp"] + AFTER_LAST_SECONDS
    return action


def type_on(typing: Reduced, names: Sequence[str], times: Sequence[float]) -> None:
    typing.own["key_names"].extend(names)
    typing.own["time_trace"].extend(times)
    typing.end_time = typing.own["time_trace"][-1] + AFTER_LAST_SECONDS


def press_of(event: Event) -> Reduced:
    return action_of(event, {"key_name": event["name"], "pressed": event["key"][1]})


def click_of(event: Event) -> Reduced:
    point = {"x": event["x"], "y": event["y"]}
    times = {"start_time": event["start_time"], "end_time": event["end_time"]}
    own = {
        "click_type": 1,
        "button": event["button"],
        "pressed": event["pressed"],
        "coordinate": point,
        "coordinates": [dict(point)],
        "time_trace": [times],
    }
    action = action_of(event, own)
    action.vis = event["pressed"]
    return action


def broken_off(action: Reduced, seconds: float) -> Reduced:
    break_off(action, seconds)
    return action


def break_off(action: Reduced, seconds: float) -> None:
    """A press without a release is given one, and marked."""
    action.complete, action.exception = True, True
    action.end_time = action.start_time + seconds
    if action.action != "press":
        action.own["time_trace"][-1]["end_time"] = action.end_time
    release = deepcopy(action)
    release.start_time = release.end_time = action.end_time
    release.pre_move = None
    release.own["pressed"] = False
    release.key = (action.key[0], False)
    action.add_child(release)


def is_typing(press: Reduced) -> bool:
    children = press.children or []
    return (
        press.complete
        and len(children) == 1
        and children[0].action == "type"
        and "shift" in press.own["key_name"]
    )


def distance(one: Reduced, other: Reduced) -> float:
    here, there = one.own["coordinate"], other.own["coordinate"]
    distance: float = ((here["y"] - there["y"]) ** 2 + (here["x"] - there["x"]) ** 2) ** 0.5
    return distance
