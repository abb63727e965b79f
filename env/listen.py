"""What a person does with mouse and keyboard on an X11 display, as it happens.

Through the RECORD extension, so that no program can hide an event from us and
none can tell. Requests that change the key map are recorded too, in their
order among the events: a character lent to a spare key for a moment is known
for what it was. Which program made an event RECORD does not say.
"""

import struct
import threading
import time
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from Xlib import X
from Xlib import error as xerror
from Xlib.ext import record

from env.characters import Characters
from env.errors import DesktopUnavailable
from env.input_event import InputEvent
from env.keys import KEYS
from env.x11 import connect

_EVENT = struct.Struct("<BBHIIIIhhhhHBx")
_CHANGE_KEYBOARD_MAPPING = 100
_FROM_SERVER, _FROM_CLIENT = 0, 1
_START_SECONDS = 5.0
_GROUP_SHIFT, _LEVEL3 = 13, X.Mod5Mask
_NO_EVENTS = {
    "core_requests": (_CHANGE_KEYBOARD_MAPPING, _CHANGE_KEYBOARD_MAPPING),
    "core_replies": (0, 0),
    "ext_requests": (0, 0, 0, 0),
    "ext_replies": (0, 0, 0, 0),
    "delivered_events": (0, 0),
    "device_events": (X.KeyPress, X.MotionNotify),
    "errors": (0, 0),
    "client_started": False,
    "client_died": False,
}
_DEAD_KEYS = {
    0xFE50: "\u0300",
    0xFE51: "\u0301",
    0xFE52: "\u0302",
    0xFE53: "\u0303",
    0xFE54: "\u0304",
    0xFE55: "\u0306",
    0xFE56: "\u0307",
    0xFE57: "\u0308",
    0xFE58: "\u030a",
    0xFE59: "\u030b",
    0xFE5A: "\u030c",
    0xFE5B: "\u0327",
    0xFE5C: "\u0328",
}
"""Keysyms of accents that join the next letter, as combining characters (keysymdef.h)."""


Sink = Callable[[InputEvent], None]


class KeyMap:
    """Which keycode makes which keysym, as of the last request seen."""

    def __init__(self, first: int, rows: list[list[int]]) -> None:
        self._rows = dict(enumerate(rows, first))
        self._characters = Characters()
        self._dead = ""
        self._names = {names.keysym: name for name, names in reversed(KEYS.items())}
        # "shift" before "shiftleft": the plain name of each pair.
        for name in ("shift", "ctrl", "alt", "win", "enter", "escape", "delete", "apps"):
            self._names[KEYS[name].keysym] = name

    def change(self, first: int, width: int, keysyms: tuple[int, ...]) -> None:
        """A request of some program: `width` keysyms for each keycode from `first` on."""
        for number in range(len(keysyms) // width):
            self._rows[first + number] = list(keysyms[number * width : (number + 1) * width])

    def keysym(self, code: int, state: int) -> int:
        """What the key makes with these modifiers held (X11 protocol, section 5, and XKB's
        order of columns: two of each group, then two more of the third level)."""
        row = self._rows.get(code, [])
        group = state >> _GROUP_SHIFT & 1
        base = 2 * group + (4 if state & _LEVEL3 and len(row) > 4 + 2 * group else 0)
        plain = row[base] if len(row) > base else 0
        if not plain and base:
            base, plain = 0, row[0] if row else 0
        shifted = row[base + 1] if len(row) > base + 1 else 0
        char = self._characters.of(plain)
        up = bool(state & X.ShiftMask)
        # Caps lock is for letters.
        if state & X.LockMask and char.isalpha():
            up = not up
        if not up:
            return plain
        if shifted:
            return shifted
        return ord(char.upper()) if len(char.upper()) == 1 and char.isascii() else plain

    def read(self, code: int, state: int, *, down: bool) -> tuple[str, str]:
        """The key's name, and what it types now; an accent waits for its letter."""
        symbol = self.keysym(code, state)
        if symbol in _DEAD_KEYS:
            if down:
                self._dead += _DEAD_KEYS[symbol]
            return f"dead {unicodedata.name(_DEAD_KEYS[symbol]).lower()}", ""
        named = self._names.get(symbol)
        char = self._characters.of(symbol)
        if named is not None and named != "space":
            if down and named not in ("shift", "shiftright", "capslock"):
                self._dead = ""
            return named, ""
        if not char or unicodedata.category(char) in ("Cc", "Cs"):
            return f"keysym {symbol:#x}", ""
        name = char
        if self._dead and down:
            char = unicodedata.normalize("NFC", char + self._dead)
            self._dead = ""
        return name, char


class InputListener:
    """Tells a sink of every event, from a thread of its own, until closed."""

    def __init__(self, display: str, authority: Path | None, sink: Sink) -> None:
        """
        Raises:
            DesktopUnavailable: no such display, or it has no RECORD extension.
        """
        try:
            self._control = connect(display, authority)
            self._data = connect(display, authority)
        except (xerror.DisplayError, xerror.ConnectionClosedError) as error:
            raise DesktopUnavailable(f"cannot listen to {display}: {error}") from error
        if not self._control.has_extension("RECORD"):
            raise DesktopUnavailable(f"{display} has no RECORD extension; nothing can be recorded")
        self._sink = sink
        self._offset = float("inf")
        """From the server's milliseconds to our clock: the least seen, since delays only add."""
        info = self._control.display.info
        rows = self._control.get_keyboard_mapping(
            info.min_keycode, info.max_keycode - info.min_keycode + 1
        )
        self._map = KeyMap(info.min_keycode, [list(row) for row in rows])
        self._listening = threading.Event()
        self._context = self._control.record_create_context(0, [record.AllClients], [_NO_EVENTS])
        self._control.sync()
        self._thread = threading.Thread(target=self._listen, name="input", daemon=True)
        self._thread.start()
        if not self._listening.wait(_START_SECONDS):
            raise DesktopUnavailable(f"RECORD on {display} did not begin in {_START_SECONDS} s")

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def close(self) -> None:
        """Returns when the sink has been told of everything up to now. Safe to call twice."""
        if not self._thread.is_alive():
            return
        self._control.record_disable_context(self._context)
        self._control.sync()
        self._thread.join(_START_SECONDS)
        self._control.record_free_context(self._context)
        self._control.close()
        self._data.close()

    def _listen(self) -> None:
        try:
            self._data.record_enable_context(self._context, self._take)
        except (xerror.ConnectionClosedError, OSError):
            # The display died; whoever looks at it learns so.
            return

    def _take(self, reply: Any) -> None:
        self._listening.set()
        if reply.category == _FROM_CLIENT and reply.data[:1] == bytes([_CHANGE_KEYBOARD_MAPPING]):
            order = ">" if reply.client_swapped else "<"
            count, _, first, width = struct.unpack_from(f"{order}xBHBB", reply.data)
            keysyms = struct.unpack_from(f"{order}{count * width}I", reply.data, 8)
            self._map.change(first, width, keysyms)
        elif reply.category == _FROM_SERVER and not reply.client_swapped:
            for event in self._events(reply.data):
                self._sink(event)

    def _events(self, data: bytes) -> Iterator[InputEvent]:
        for offset in range(0, len(data) - _EVENT.size + 1, _EVENT.size):
            fields = _EVENT.unpack_from(data, offset)
            kind, detail, _, milliseconds = fields[:4]
            x, y, state = fields[7], fields[8], fields[11]
            at = self._clock(milliseconds)
            match kind & 0x7F:
                case X.MotionNotify:
                    yield InputEvent(at, "move", x, y)
                case X.ButtonPress | X.ButtonRelease as which:
                    yield InputEvent(at, "button", x, y, which == X.ButtonPress, detail)
                case X.KeyPress | X.KeyRelease as which:
                    down = which == X.KeyPress
                    key, char = self._map.read(detail, state, down=down)
                    yield InputEvent(at, "key", x, y, down, 0, key, char, detail)

    def _clock(self, milliseconds: int) -> float:
        self._offset = min(self._offset, time.monotonic() - milliseconds / 1000)
        return milliseconds / 1000 + self._offset
