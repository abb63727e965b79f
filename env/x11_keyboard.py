"""Which physical key makes a character on an X11 display, and striking it.

A character that no key makes is lent half of a spare keycode, the plain or the
shifted half, so any Unicode text arrives exactly and the clipboard is left
alone. It keeps it until `give_back` or until it is wanted for another: an
application reads a changed key map in its own time, so the map is changed as
seldom as can be. Shift is added by what the key map says, never by a table of
"shifted characters": a table types `>` for `<`, because the 105th key of a
pc105 keyboard makes `<` without shift.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from Xlib import X
from Xlib.ext import xtest

from env.errors import ActionRefused
from env.keys import keysym

SETTLE_SECONDS = 0.2
"""From the last key to a change of the key map, and from there to the next key. Chromium typed by
the old map after 0.02 s on a busy machine, and after 0.1 s at a load of 20 on two cores."""

STROKES_A_FLUSH = 20
"""Asking after every one doubles the time; never asking could overflow the server's queue."""

MAX_CHORD = 10
"""Fingers."""

_SHIFT = keysym("shift")
_CAPS_LOCK = keysym("capslock")
_BY_NAME = {"\n": "enter", "\t": "tab"}


class Stroke(NamedTuple):
    keycode: int
    shifted: bool


class X11Keyboard:
    """The keys of one display, through a connection owned by the caller.

    Whoever cuts an action off calls `reconnect` and `release_all`; nothing is released on
    the way out, since the connection may be in the middle of a request.
    """

    def __init__(self, connection: Any) -> None:
        self._x = connection
        self._held: list[int] = []
        """Keycodes in the order they went down."""
        self._read_map()

    def reconnect(self, connection: Any) -> None:
        """Go on through another connection to the same display."""
        self._x = connection

    def _read_map(self) -> None:
        first = self._x.display.info.min_keycode
        last = self._x.display.info.max_keycode
        rows = self._x.get_keyboard_mapping(first, last - first + 1)
        self._strokes: dict[int, Stroke] = {}
        """By keysym. Earlier keycodes win, so `<` is shift and comma, not the 105th key."""
        self._spare: list[Stroke] = []
        """What may be lent, the one lent longest ago first."""
        self._lent: dict[Stroke, int] = {}
        """The keysym it makes for now."""
        for keycode, row in enumerate(rows, first):
            # Only keycodes that make nothing. The volume and browser keys look as free, but
            # Chromium goes back a page at theirs whatever they are made to type.
            if not any(row):
                self._spare += [Stroke(keycode, shifted=False), Stroke(keycode, shifted=True)]
            # Columns beyond the second belong to other layouts and are not reached by shift.
            for column, symbol in enumerate(row[:2]):
                if symbol:
                    self._strokes.setdefault(symbol, Stroke(keycode, shifted=column == 1))

    def refuse_unknown(self, names: Sequence[str]) -> None:
        """Raise `ActionRefused` unless every name is a key that can be pressed."""
        if len({keysym(name) for name in names}) > MAX_CHORD:
            raise ActionRefused(f"{len(names)} keys at once; expected at most {MAX_CHORD}")

    def chord(self, names: Sequence[str], presses: int = 1) -> None:
        """Press all the keys in order and release them in reverse, `presses` times."""
        for _ in range(presses):
            with self.held(names):
                pass

    @contextmanager
    def held(self, names: Sequence[str]) -> Iterator[None]:
        """Keep the keys down for the block."""
        symbols = [keysym(name) for name in names]
        self._lend(symbols)
        for symbol in symbols:
            self._press_symbol(symbol)
        yield
        self.release_all()

    def type_text(self, text: str) -> None:
        """Strike the characters one after the other."""
        symbols = [keysym(_BY_NAME.get(char, char)) for char in text]
        caps_lock = bool(self._x.screen().root.query_pointer().mask & X.LockMask)
        if caps_lock:
            self._tap(self._strokes[_CAPS_LOCK])
        for group in self._groups(symbols):
            self._lend(group)
            for nth, symbol in enumerate(group, 1):
                self._tap(self._strokes[symbol])
                if nth % STROKES_A_FLUSH == 0:
                    self._x.sync()
        if caps_lock:
            self._tap(self._strokes[_CAPS_LOCK])

    def release_all(self) -> None:
        """Let go of every key held here, the last one first. Sent with the next `sync`."""
        while self._held:
            xtest.fake_input(self._x, X.KeyRelease, self._held[-1])
            self._held.pop()

    def _press_symbol(self, symbol: int) -> None:
        stroke = self._strokes[symbol]
        shift = self._strokes[_SHIFT].keycode
        if stroke.shifted and shift not in self._held:
            self._press(shift)
        self._press(stroke.keycode)

    def _press(self, keycode: int) -> None:
        self._held.append(keycode)
        xtest.fake_input(self._x, X.KeyPress, keycode)

    def _tap(self, stroke: Stroke) -> None:
        if stroke.shifted:
            self._press(self._strokes[_SHIFT].keycode)
        self._press(stroke.keycode)
        self.release_all()

    def give_back(self) -> None:
        """Every lent keycode makes nothing again."""
        for keycode in {stroke.keycode for stroke in self._lent}:
            self._x.change_keyboard_mapping(keycode, [(X.NoSymbol, X.NoSymbol)])
        self._lent.clear()
        self._x.sync()

    def _groups(self, symbols: Sequence[int]) -> Iterator[list[int]]:
        """Cut so that no group needs more spare keycodes than there are."""
        own = self._strokes.keys() - set(self._lent.values())
        group: list[int] = []
        foreign: set[int] = set()
        for symbol in symbols:
            if symbol not in own and symbol not in foreign:
                if len(foreign) == len(self._spare):
                    yield group
                    group, foreign = [], set()
                foreign.add(symbol)
            group.append(symbol)
        if group:
            yield group

    def _lend(self, symbols: Sequence[int]) -> None:
        """See to it that some key makes each of the symbols."""
        missing = [symbol for symbol in dict.fromkeys(symbols) if symbol not in self._strokes]
        if not missing:
            return
        wanted = set(symbols)
        free = [stroke for stroke in self._spare if self._lent.get(stroke) not in wanted]
        taken = dict(zip(free, missing, strict=False))
        for stroke in taken.keys() & self._lent.keys():
            del self._strokes[self._lent[stroke]]
        self._lent |= taken
        self._strokes |= {symbol: stroke for stroke, symbol in taken.items()}
        self._spare = [stroke for stroke in self._spare if stroke not in taken] + list(taken)
        # What was typed before the change must have been read by the old map.
        self._settle()
        for keycode in {stroke.keycode for stroke in taken}:
            halves = (Stroke(keycode, shifted=False), Stroke(keycode, shifted=True))
            row = tuple(self._lent.get(half, X.NoSymbol) for half in halves)
            self._x.change_keyboard_mapping(keycode, [row])
        self._settle()

    def _settle(self) -> None:
        self._x.sync()
        time.sleep(SETTLE_SECONDS)
