"""What a person did, event by event, as actions: what we can do ourselves.

Nothing is guessed from words and nothing joined that was apart: keys held
around clicks, drags and wheels stay with them, a long press keeps its length,
a wheel its way and notches, typed text is what the keys made, not their names.
What cannot be said is left out and told, with its moment.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from env.actions import (
    MAX_HOLD_SECONDS,
    MAX_NOTCHES,
    MAX_PRESSES,
    MAX_TYPED_CHARACTERS,
    Action,
    Button,
    Click,
    Drag,
    Keys,
    Move,
    Point,
    Scroll,
    TypeText,
)
from env.input_event import InputEvent
from env.keys import KEYS
from trajectories.recording import BEFORE_PRESS_SECONDS, RECORDER, WITHHELD, Recording
from trajectories.schema import Frame, Place

MULTI_CLICK_SECONDS, MULTI_CLICK_PIXELS = 0.5, 4
DRAG_PIXELS = 6
LONG_PRESS_SECONDS = 1.0
SCROLL_GAP_SECONDS, SCROLL_PIXELS = 0.5, 12
TYPE_GAP_SECONDS = 2.0
REPEAT_GAP_SECONDS = 0.6
HOVER_SECONDS = 0.5
"""A pointer at rest for so long, over which the screen changed, was put there to see that."""
ELEMENT_SECONDS = 0.4
"""Until an element under a press has been told."""

_BUTTONS: dict[int, Button] = {1: "left", 2: "middle", 3: "right"}
_WHEEL = {4: (False, 1), 5: (False, -1), 6: (True, -1), 7: (True, 1)}
_MODIFIERS = {
    "ctrl": "ctrl",
    "ctrlright": "ctrl",
    "alt": "alt",
    "altright": "alt",
    "win": "win",
    "winright": "win",
    "shift": "shift",
    "shiftright": "shift",
}
_SILENT = ("capslock", "numlock", "keysym 0xfe03", "keysym 0xff7e")
"""Locks and AltGr: what they do shows in the characters that were typed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduced:
    action: Action | None
    """None: it was done and cannot be said, or must not be; `told` says what."""
    began: float
    ended: float
    frame: Frame | None
    """The screen it was done on."""
    place: Place | None
    told: str = ""


class _Press(NamedTuple):
    event: InputEvent
    modifiers: tuple[str, ...]
    """Held when the button went down."""


def reduce_recording(recording: Recording) -> list[Reduced]:
    """The actions of a recording, in the order in which they began."""
    found = sorted(_Reducer(recording).reduced(), key=lambda each: each.began)
    return _joined(found)


class _Reducer:
    """What is down, and since when."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._held: dict[int, str] = {}
        """Modifiers that are down, by keycode."""
        self._used: set[int] = set()
        """Those that did something to another key or button."""
        self._pressed: dict[int, _Press] = {}
        self._set_out = float("-inf")
        """When the pointer began to move after the last press."""
        self._rest: InputEvent | None = None

    def reduced(self) -> Iterator[Reduced]:
        pauses = iter(self._recording.pauses)
        pause = next(pauses, None)
        for event in self._recording.events:
            while pause is not None and pause.at <= event.at:
                # What was let go in a pause nobody saw.
                self._let_go_of_keys()
                self._pressed.clear()
                pause = next(pauses, None)
            match event.kind:
                case "move":
                    yield from self._move(event)
                case "button" if event.button in _WHEEL:
                    yield from self._wheel(event)
                case "button":
                    yield from self._button(event)
                case "key":
                    yield from self._key(event)
        for press in self._pressed.values():
            button = press.event.button
            yield self._untold(press.event, f"button {button} was pressed and never let go")

    def _modifiers(self) -> tuple[str, ...]:
        self._used |= set(self._held)
        return tuple(dict.fromkeys(self._held.values()))

    def _let_go_of_keys(self) -> None:
        self._held.clear()
        self._used.clear()

    def _made(
        self, action: Action | None, first: InputEvent, last: InputEvent, told: str = ""
    ) -> Reduced:
        pointed = not isinstance(action, TypeText | Keys)
        seen_at = first.at
        if pointed and self._set_out > float("-inf"):
            # Before what the pointer touched on its way lit up, but no further back.
            seen_at = max(self._set_out, first.at - BEFORE_PRESS_SECONDS)
        self._set_out = float("-inf")
        return Reduced(
            action=action,
            began=first.at,
            ended=last.at,
            frame=self._recording.settled_frame(seen_at),
            place=self._recording.place_at(first.at + (ELEMENT_SECONDS if pointed else 0.0)),
            told=told,
        )

    def _untold(self, event: InputEvent, told: str) -> Reduced:
        return self._made(None, event, event, told)

    def _move(self, event: InputEvent) -> Iterator[Reduced]:
        rest, self._rest = self._rest, event
        if self._set_out == float("-inf"):
            self._set_out = event.at
        if rest is None or self._pressed or event.at - rest.at < HOVER_SECONDS:
            return
        if self._recording.changed_between(rest.at + 0.05, rest.at + 2.0):
            yield self._made(Move(Point(rest.x, rest.y)), rest, rest)
        self._set_out = event.at

    def _wheel(self, event: InputEvent) -> Iterator[Reduced]:
        self._rest = None
        if event.down:
            sideways, way = _WHEEL[event.button]
            at = Point(event.x, event.y)
            yield self._made(Scroll(at, way, sideways, self._modifiers()), event, event)

    def _button(self, event: InputEvent) -> Iterator[Reduced]:
        self._rest = None
        if event.button not in _BUTTONS:
            if event.down:
                yield self._untold(event, f"button {event.button} has no name here")
            return
        if event.down:
            self._pressed[event.button] = _Press(event, self._modifiers())
            return
        press = self._pressed.pop(event.button, None)
        if press is None:
            yield self._untold(event, f"button {event.button} was let go and never pressed")
            return
        pressed = press.event
        start, end = Point(pressed.x, pressed.y), Point(event.x, event.y)
        button = _BUTTONS[event.button]
        # A click is what was held when it began; a drop may be told by a key pressed on the way.
        modifiers, held_now = press.modifiers, self._modifiers()
        action: Action
        if _distance(start, end) > DRAG_PIXELS:
            modifiers = tuple(dict.fromkeys((*modifiers, *held_now)))
            action = Drag(start, end, button, modifiers)
        else:
            seconds = event.at - pressed.at
            hold = min(round(seconds, 1), MAX_HOLD_SECONDS) if seconds > LONG_PRESS_SECONDS else 0.0
            action = Click(start, button, 1, modifiers, hold)
        yield self._made(action, pressed, event)

    def _key(self, event: InputEvent) -> Iterator[Reduced]:
        if event.key == WITHHELD:
            # It may have been a modifier let go: none is known to be down any more.
            self._let_go_of_keys()
            if event.down:
                yield self._untold(event, WITHHELD)
            return
        if event.key == RECORDER:
            self._modifiers()
        elif event.key in _MODIFIERS:
            yield from self._modifier(event)
        elif event.down and event.key not in _SILENT and not event.key.startswith("dead "):
            yield from self._struck(event)

    def _modifier(self, event: InputEvent) -> Iterator[Reduced]:
        if event.down:
            self._held.setdefault(event.code, _MODIFIERS[event.key])
            return
        name = self._held.pop(event.code, None)
        used = event.code in self._used
        self._used.discard(event.code)
        # Shift alone does nothing; the others open menus.
        if name is not None and not used and name != "shift":
            yield self._made(Keys((name,)), event, event)

    def _struck(self, event: InputEvent) -> Iterator[Reduced]:
        modifiers = self._modifiers()
        if event.char and not set(modifiers) - {"shift"}:
            yield self._made(TypeText(event.char), event, event)
            return
        key = event.char.lower() if event.char else event.key
        key = key or event.key
        if len(key) > 1 and key not in KEYS:
            yield self._untold(event, f"the key {key} has no name here")
            return
        yield self._made(Keys((*modifiers, key)), event, event)


def _joined(found: Sequence[Reduced]) -> list[Reduced]:
    """Clicks to double clicks, ticks to scrolls, letters to texts."""
    joined: list[Reduced] = []
    last_press = float("-inf")
    for each in found:
        last = joined[-1] if joined else None
        whole = None if last is None else _join(last, each, last_press)
        if last is not None and whole is not None:
            joined[-1] = replace(last, action=whole, ended=each.ended)
        elif last is not None and _both_withheld(last, each):
            joined[-1] = replace(last, ended=each.ended)
        else:
            joined.append(each)
        last_press = each.began
    return joined


def _both_withheld(last: Reduced, each: Reduced) -> bool:
    return last.told == each.told == WITHHELD


def _join(last: Reduced, each: Reduced, last_began: float) -> Action | None:
    """The two as one action; None: they are two."""
    gap = each.began - last.ended
    match last.action, each.action:
        case Click() as one, Click() as other:
            again = (
                each.began - last_began < MULTI_CLICK_SECONDS
                and _distance(one.at, other.at) <= MULTI_CLICK_PIXELS
                and (one.button, one.modifiers) == (other.button, other.modifiers)
                and not (one.hold_seconds or other.hold_seconds)
                and one.count < 3
            )
            return replace(one, count=one.count + 1) if again else None
        case Scroll() as one, Scroll() as other:
            on = (
                gap < SCROLL_GAP_SECONDS
                and _distance(one.at, other.at) <= SCROLL_PIXELS
                and (one.sideways, one.modifiers) == (other.sideways, other.modifiers)
                and one.notches * other.notches > 0
                and abs(one.notches) < MAX_NOTCHES
            )
            return replace(one, notches=one.notches + other.notches) if on else None
        case TypeText(text=text), TypeText(text=more):
            fits = gap < TYPE_GAP_SECONDS and len(text) < MAX_TYPED_CHARACTERS
            return TypeText(text + more) if fits else None
        case Keys() as one, Keys() as other:
            on = (
                gap < REPEAT_GAP_SECONDS
                and one.keys == other.keys
                and one.presses + other.presses <= MAX_PRESSES
            )
            return replace(one, presses=one.presses + other.presses) if on else None
        case _:
            return None


def _distance(one: Point, other: Point) -> float:
    return float(((one.x - other.x) ** 2 + (one.y - other.y) ** 2) ** 0.5)
