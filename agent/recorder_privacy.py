"""Which keys of a recording may be kept, and what of its pictures must be black.

A key is withheld until it is known to be no secret: not struck in a password
field or a private window, and not part of a text that looks like one. A text is
judged when it is over, so the pictures since it began wait with it. While a
secret is typed the whole screen is black. The field that holds it stays black
wherever the page takes it: its place is asked for at every look, and a picture
has black what the field passed over around that moment.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from env.accessibility import ANSWER_SECONDS, NOT_KNOWN, PASSWORD_TEXT, Element
from env.input_event import InputEvent
from env.screen import Box, ScreenSize
from env.windows import Window
from trajectories.secret_rules import SecretRules

FOCUS_SECONDS = 0.25
"""Applications tell of a new focus within about 0.01 s; this is how long it may take."""
MOVING_SECONDS = 0.8
"""A browser tells of a scrolled page's new places within about 0.3 s."""
BURST_SECONDS = 2.0
"""A text is over when nothing was typed for so long."""
TAIL_CHARACTERS = 80
"""Of the text before, that may have been the beginning of this one."""


class Key(NamedTuple):
    number: int
    """Of the event in the recording."""
    event: InputEvent


class Mask(NamedTuple):
    since: float
    box: Box
    element: Element | None
    """None: nobody says where the text stands, and the box is the whole screen."""


class _Seen(NamedTuple):
    at: float
    box: Box


@dataclass(slots=True)
class _Burst:
    keys: list[Key] = field(default_factory=list)
    text: str = ""
    element: Element | None = None


class Privacy:
    """Told of keys, moments and windows; asked what may be kept."""

    def __init__(
        self,
        rules: SecretRules,
        focused: Callable[[float], Element | None],
        size: ScreenSize,
    ) -> None:
        """
        Args:
            focused: what had the focus at a moment, as far as is known.
        """
        self._rules = rules
        self._focused = focused
        self._whole = Box(0, 0, *size)
        self._waiting: list[Key] = []
        self._burst = _Burst()
        self._tail = ""
        self._masks: list[Mask] = []
        self._secret_times: deque[tuple[float, float]] = deque(maxlen=1000)
        """From when to when a secret was typed."""
        self._places: dict[tuple[str, str], list[_Seen]] = {}
        """Where elements were, by what the application calls them; a change each."""
        self._windows: list[tuple[float, bool]] = [(float("-inf"), False)]
        """Since when the window in front is private or not."""
        self.num_withheld = 0

    def window(self, at: float, window: Window) -> bool:
        """Take note of the window in front. Gives whether it is private."""
        private = self._rules.is_private(window.title, window.window_class)
        if private != self._windows[-1][1]:
            self._windows.append((at, private))
        return private

    def followed(self, at: float) -> list[Element]:
        """Whose place must be known: what has the focus, and every field that is black."""
        focused = self._focused(at)
        elements = [mask.element for mask in list(self._masks)] + [focused]
        return list(dict.fromkeys(each for each in elements if each is not None and each.which))

    def moved(self, at: float, element: Element, box: Box | None) -> None:
        """Told at every look."""
        if element.which is None or box is None:
            return
        places = self._places.setdefault(element.which, [])
        if places and len(places) > 1 and places[-1].box == places[-2].box == box:
            # Only since when and until when it was there.
            places[-1] = _Seen(at, box)
        else:
            places.append(_Seen(at, box))

    def scrubbed(self, text: str) -> str:
        return self._rules.scrubbed(text)

    def key(self, key: Key) -> None:
        self._waiting.append(key)

    def settled(self, now: float, *, over: bool = False) -> list[Key]:
        """The keys that may be kept as of now.

        Args:
            over: the recording ends; everything is decided.
        """
        kept: list[Key] = []
        while self._waiting and (over or now - self._waiting[0].event.at >= FOCUS_SECONDS):
            key = self._waiting[0]
            if self._not_known(key.event.at) and not over and now - key.event.at < ANSWER_SECONDS:
                break
            self._waiting.pop(0)
            if self._is_private(key.event.at):
                kept += self._end_burst()
                self._withhold([key])
                continue
            last = self._burst.keys[-1].event.at if self._burst.keys else key.event.at
            element = self._focused(key.event.at)
            if key.event.at - last > BURST_SECONDS or element != self._burst.element:
                kept += self._end_burst()
            self._add(key, element)
        last = self._burst.keys[-1].event.at if self._burst.keys else now
        if over or (not self._waiting and now - last > BURST_SECONDS):
            kept += self._end_burst()
        return kept

    def undecided_since(self) -> float:
        """Pictures from this moment on must wait."""
        undecided = [*self._burst.keys[:1], *self._waiting[:1]]
        return min((key.event.at for key in undecided), default=float("inf"))

    def blacked(self, at: float) -> list[Box]:
        """What of a picture of that moment must not be seen."""
        element = self._focused(at)
        if element is not None and element.role == PASSWORD_TEXT:
            self._mask(at - FOCUS_SECONDS, element)
        if self._in_private_window(at) or self._while_a_secret_was_typed(at):
            return [self._whole]
        boxes = [self._place(mask, at) for mask in self._masks if mask.since <= at]
        return list(dict.fromkeys(boxes))

    def _place(self, mask: Mask, at: float) -> Box:
        """What the field passed over around the moment; where it was masked, if nobody knows."""
        which = None if mask.element is None else mask.element.which
        seen = self._places.get(which, []) if which is not None else []
        earlier = [place.box for place in seen if place.at <= at - MOVING_SECONDS][-1:]
        near = [place.box for place in seen if abs(place.at - at) < MOVING_SECONDS]
        later = [place.box for place in seen if place.at >= at + MOVING_SECONDS][:1]
        around = [*earlier, *near, *later] or [mask.box]
        return Box(
            min(box.left for box in around),
            min(box.top for box in around),
            max(box.right for box in around),
            max(box.bottom for box in around),
        )

    def _not_known(self, at: float) -> bool:
        return NOT_KNOWN in (self._focused(at), self._focused(at + FOCUS_SECONDS))

    def _is_private(self, at: float) -> bool:
        if self._not_known(at):
            # Nobody ever said where this was typed; it may be anywhere on the screen.
            self._mask(at - FOCUS_SECONDS, None)
            return True
        for moment in (at, at + FOCUS_SECONDS):
            element = self._focused(moment)
            if element is not None and element.role == PASSWORD_TEXT:
                self._mask(at - FOCUS_SECONDS, element)
                return True
        return self._in_private_window(at)

    def _while_a_secret_was_typed(self, at: float) -> bool:
        """Then a page may move under the keys, and tell of it when they are over."""
        return any(
            first - FOCUS_SECONDS <= at <= last + MOVING_SECONDS
            for first, last in self._secret_times
        )

    def _in_private_window(self, at: float) -> bool:
        # The window is looked at ten times a second: what was so around the moment counts.
        near = [private for since, private in self._windows if since <= at + FOCUS_SECONDS]
        earlier = [private for since, private in self._windows if since <= at]
        return near[-1] or (bool(earlier) and earlier[-1])

    def _add(self, key: Key, element: Element | None) -> None:
        burst = self._burst
        burst.element = element
        burst.keys.append(key)
        if not key.event.down:
            return
        if key.event.key == "backspace":
            burst.text = burst.text[:-1]
        elif key.event.key in ("enter", "tab"):
            burst.text += "\n"
        else:
            burst.text += key.event.char

    def _end_burst(self) -> list[Key]:
        burst, self._burst = self._burst, _Burst()
        if not burst.keys:
            return []
        whole = self._tail + burst.text
        self._tail = whole[-TAIL_CHARACTERS:]
        if not (self._rules.is_secret(burst.text) or self._rules.is_secret(whole)):
            return burst.keys
        self._tail = ""
        self._withhold(burst.keys)
        self._mask(burst.keys[0].event.at - FOCUS_SECONDS, burst.element)
        return []

    def _withhold(self, keys: Sequence[Key]) -> None:
        self.num_withheld += len(keys)
        first, last = keys[0].event.at, keys[-1].event.at
        if self._secret_times and first - self._secret_times[-1][1] < MOVING_SECONDS:
            first, _ = self._secret_times.pop()
        self._secret_times.append((first, last))

    def _mask(self, since: float, element: Element | None) -> None:
        """From then on; the whole screen if nobody says where the text stands."""
        known = None if element is None or element.box is None else element
        box = self._whole if known is None or known.box is None else known.box
        which = None if known is None else known.which
        if not any(
            mask.box == box and mask.since <= since and _which(mask) == which
            for mask in self._masks
        ):
            self._masks.append(Mask(since, box, known))


def _which(mask: Mask) -> tuple[str, str] | None:
    return None if mask.element is None else mask.element.which
