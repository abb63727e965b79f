"""Whether a person is at mouse or keyboard of an X11 display, and what they want.

XInput2 tells of every event which device it came from. What is injected comes
from two devices of the server's own ("Virtual core XTEST pointer" and
"... keyboard"); all others are somebody's hands. Only these are listened to, so
that no input of ours can be taken for a person's. Who comes in through XTEST
themselves (x11vnc, xdotool) cannot be told from us.
"""

import struct
import time
from collections import deque
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from Xlib import X
from Xlib.ext import ge, xinput

from env.keys import keysym

_RAW = struct.Struct("<HIIH")
"""Device, time, detail, source: the front of a raw event, which python-xlib leaves as bytes."""

_LISTENED = xinput.RawKeyPressMask | xinput.RawButtonPressMask | xinput.RawMotionMask
_OURS = "Virtual core XTEST"
_SLAVES = (xinput.SlavePointer, xinput.SlaveKeyboard, xinput.FloatingSlave)

NUDGE_PX = 3
NUDGE_EVENTS = 3
NUDGE_SECONDS = 0.5
"""A knocked table is no takeover: several motions, or a few pixels of way, within this time."""

REREAD_SECONDS = 2.0

CORNER_PX = 2
CORNER_LOOK_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class StopKeys:
    """How a person stops everything, wherever the focus is."""

    key: str = "escape"
    presses: int = 2
    within_seconds: float = 0.6
    corner: bool = True
    """Also by pushing the pointer into a corner of the screen, as with pyautogui."""

    def __post_init__(self) -> None:
        keysym(self.key)
        if not 1 <= self.presses <= 5:
            raise ValueError(f"{self.presses} presses to stop; expected 1 to 5")
        if not 0.1 <= self.within_seconds <= 5.0:
            raise ValueError(f"{self.within_seconds} s for the presses; expected 0.1 to 5")


class Wish(NamedTuple):
    """What a person's hands ask for."""

    kind: Literal["stop", "pause"]
    reason: str


class X11Person:
    """Through a connection of its own, owned by it."""

    def __init__(self, connection: Any, stop_keys: StopKeys) -> None:
        self._x = connection
        self._root = connection.screen().root
        self._keys = stop_keys
        self._presses: deque[float] = deque(maxlen=stop_keys.presses)
        self._motions: deque[tuple[float, int, int]] = deque(maxlen=NUDGE_EVENTS)
        self._corner_looked_at = 0.0
        self._x.xinput_query_version()
        self._root.xinput_select_events([(xinput.AllDevices, xinput.HierarchyChangedMask)])
        self._listen_to_devices()
        self._read_map()

    def fileno(self) -> int:
        """Readable when there may be a wish; so there may be when something `was_heard`."""
        number: int = self._x.fileno()
        return number

    @property
    def was_heard(self) -> bool:
        """Something lies here that was not looked at: whoever waits for an answer of the server
        reads what comes before it, and the socket says nothing of that any more."""
        return bool(self._x.pending_events())

    def close(self) -> None:
        self._x.close()

    def wishes(self) -> list[Wish]:
        """What was asked for since the last time."""
        found = []
        # Asking where the pointer is may bring in more.
        while self._x.pending_events():
            event = self._x.next_event()
            if event.type == X.MappingNotify:
                self._map_is_stale = True
            elif event.type == ge.GenericEventCode:
                if event.evtype == xinput.HierarchyChanged:
                    # A device was plugged in; nothing listens to it yet.
                    self._listen_to_devices()
                elif (wish := self._wish(event.evtype, event.data)) is not None:
                    found.append(wish)
        # The server tells of a map whenever another keyboard is struck, ours and the person's in
        # turn. Nobody's stop may wait for reading it; the stop key hardly ever moves.
        if self._map_is_stale and not found and time.monotonic() > self._read_at + REREAD_SECONDS:
            self._read_map()
        return found

    def _listen_to_devices(self) -> None:
        devices = self._x.xinput_query_device(xinput.AllDevices).devices
        theirs = [
            device.deviceid
            for device in devices
            if device.use in _SLAVES and not _name(device).startswith(_OURS)
        ]
        if theirs:
            self._root.xinput_select_events([(number, _LISTENED) for number in theirs])
        self._x.sync()

    def _read_map(self) -> None:
        self._map_is_stale = False
        self._read_at = time.monotonic()
        first, last = self._x.display.info.min_keycode, self._x.display.info.max_keycode
        rows = self._x.get_keyboard_mapping(first, last - first + 1)
        wanted = keysym(self._keys.key)
        self._stop_codes = {code for code, row in enumerate(rows, first) if wanted in row}

    def _wish(self, kind: int, data: Any) -> Wish | None:
        _, _, detail, _ = _RAW.unpack_from(bytes(data[: _RAW.size]))
        now = time.monotonic()
        match kind:
            case xinput.RawKeyPress:
                return self._key(detail, now)
            case xinput.RawButtonPress:
                return Wish("pause", "a person used the mouse")
            case xinput.RawMotion:
                return self._motion(now)
            case _:
                return None

    def _key(self, code: int, now: float) -> Wish:
        if code not in self._stop_codes:
            self._presses.clear()
            return Wish("pause", "a person used the keyboard")
        self._presses.append(now)
        full = len(self._presses) == self._keys.presses
        if full and now - self._presses[0] <= self._keys.within_seconds:
            self._presses.clear()
            return Wish("stop", f"{self._keys.key} was pressed {self._keys.presses} times")
        return Wish("pause", "a person used the keyboard")

    def _motion(self, now: float) -> Wish | None:
        if now - self._corner_looked_at < CORNER_LOOK_SECONDS and len(self._motions) > 1:
            self._motions.append((now, *self._motions[-1][1:]))
        else:
            self._corner_looked_at = now
            pointer = self._root.query_pointer()
            self._motions.append((now, pointer.root_x, pointer.root_y))
            if self._keys.corner and self._in_corner(pointer.root_x, pointer.root_y):
                return Wish("stop", "the pointer was pushed into a corner of the screen")
        (then, x, y), (_, x_now, y_now) = self._motions[0], self._motions[-1]
        if now - then > NUDGE_SECONDS:
            return None
        moved = abs(x_now - x) + abs(y_now - y) > NUDGE_PX
        if moved or len(self._motions) == NUDGE_EVENTS:
            return Wish("pause", "a person moved the mouse")
        return None

    def _in_corner(self, x: int, y: int) -> bool:
        size = self._root.get_geometry()
        at_side = x < CORNER_PX or x >= size.width - CORNER_PX
        at_end = y < CORNER_PX or y >= size.height - CORNER_PX
        return at_side and at_end


def _name(device: Any) -> str:
    name = device.name
    return name.decode("latin-1") if isinstance(name, bytes) else str(name)
