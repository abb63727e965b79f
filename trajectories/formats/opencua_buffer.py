"""AgentNetTool's first stage: moves gathered, halves of presses paired. See `opencua_reduce`."""

from typing import Any

from trajectories.formats.opencua_action import AFTER_LAST_SECONDS, MODIFIERS, Event, Key


class EventBuffer:
    """Takes raw events in their order."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._down: set[Key] = set()
        self._move: Event | None = None

    def add(self, event: Event) -> None:
        event["key"] = _key_of(event)
        event |= {"start_time": event["time_stamp"], "end_time": None, "complete": False}
        kind = event["action"]
        if kind == "move":
            self._gather(event)
            return
        last = self.events[-1] if self.events else None
        same = last is not None and last["key"] == event["key"]
        if last is not None and not same and last["action"] == "scroll":
            last["complete"] = True
        match kind:
            case "scroll":
                self._scroll(event, last if same else None)
            case "press" if event["name"] in MODIFIERS:
                self._modifier_down(event)
            case "press":
                self._attach_move(event)
                event |= {"action": "type", "complete": True, "key_names": [event["name"]]}
                self.events.append(event)
            case "release" if last is not None:
                self._key_up(event)
            case "click":
                self._button(event)

    def _gather(self, event: Event) -> None:
        point = [event["x"], event["y"]]
        if self._move is None:
            event |= {"trace": [point], "time_trace": [event["time_stamp"]]}
            self._move = event
        else:
            self._move["trace"].append(point)
            self._move["time_trace"].append(event["time_stamp"])
        self._move["end_time"] = event["time_stamp"]

    def _attach_move(self, event: Event) -> None:
        if self._move is not None:
            self._move["complete"] = True
            event["pre_move"] = self._move
            self._move = None

    def _scroll(self, event: Event, same: Event | None) -> None:
        if (event["dx"], event["dy"]) == (0, 0):
            return
        self._attach_move(event)
        tick = {name: event[name] for name in ("x", "y", "dx", "dy")}
        if same is None:
            event |= {"trace": [tick], "time_trace": [event["time_stamp"]]}
            self.events.append(event)
        else:
            same["trace"].append(tick)
            same["time_trace"].append(event["time_stamp"])
            same["end_time"] = event["time_stamp"] + AFTER_LAST_SECONDS

    def _modifier_down(self, event: Event) -> None:
        event["matched"] = None
        if event["key"] not in self._down:
            self._attach_move(event)
            self._down.add(event["key"])
            self.events.append(event)

    def _key_up(self, event: Event) -> None:
        self._attach_move(event)
        event["end_time"] = event["time_stamp"]
        down = (event["key"][0], True)
        if event["name"] not in MODIFIERS:
            for earlier in reversed(self.events):
                if earlier["key"] == down and not earlier.get("end_time"):
                    earlier["end_time"] = event["time_stamp"]
                    return
            return
        event["action"] = "press"
        self._down.discard(down)
        self._pair(event, down, lambda matched: matched is None)

    def _button(self, event: Event) -> None:
        self._attach_move(event)
        if event["pressed"]:
            event["matched"] = None
            self.events.append(event)
        elif self.events:
            event["end_time"] = event["time_stamp"]
            self._pair(event, (event["key"][0], True), lambda matched: not matched)

    def _pair(self, event: Event, down: Key, is_free: Any) -> None:
        for earlier in reversed(self.events):
            if earlier["key"] == down and is_free(earlier["matched"]):
                earlier["end_time"] = event["time_stamp"]
                earlier["end_idx"] = earlier["matched"] = len(self.events)
                self.events.append(event)
                return


def _key_of(event: Event) -> Key:
    match event["action"]:
        case "move":
            return ("move",), None
        case "click":
            return ("click", event["button"]), event["pressed"]
        case "scroll":
            return ("scroll", event["dx"], event["dy"]), None
        case "press":
            return ("press", event["name"]), True
        case "release":
            return ("press", event["name"]), False
        case kind:
            raise ValueError(f"an event of kind {kind!r}; expected move, click, scroll or a key")
