"""Which physical key makes a character on an X11 display, and striking it.

A character that no key makes is lent a spare keycode for as long as it takes
to type it, so any Unicode text arrives exactly and the clipboard is left
alone. Shift is added by what the key map says, never by a table of "shifted
characters": a table types `>` for `<`, because the 105th key of a pc105
keyboard makes `<` without shift.
"""

import time
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from Xlib import X
from Xlib.ext import xtest

from env.errors import ActionRefused
from env.keys import keysym

SETTLE_SECONDS = 0.02
"""Applications fetch a changed key map in their own time; sooner, some type by the old one."""

_SHIFT = keysym("shift")
_CAPS_LOCK = keysym("capslock")
_BY_NAME = {"\n": "enter", "\t": "tab"}


class Stroke(NamedTuple):
    keycode: int
    shifted: bool


class X11Keyboard:
    """The keys of one display, through a connection owned by the caller."""

    def __init__(self, connection: Any) -> None:
        self._x = connection
        self._held: list[int] = []
        """Keycodes in the order they went down."""
        self._read_map()

    def _read_map(self) -> None:
        first = self._x.display.info.min_keycode
        last = self._x.display.info.max_keycode
        rows = self._x.get_keyboard_mapping(first, last - first + 1)
        self._strokes: dict[int, Stroke] = {}
        """By keysym. Earlier keycodes win, so `<` is shift and comma, not the 105th key."""
        self._spare: list[int] = []
        """Keycodes that make nothing."""
        for keycode, row in enumerate(rows, first):
            if not any(row):
                self._spare.append(keycode)
            # Columns beyond the second belong to other layouts and are not reached by shift.
            for column, symbol in enumerate(row[:2]):
                if symbol:
                    self._strokes.setdefault(symbol, Stroke(keycode, shifted=column == 1))

    def refuse_unknown(self, names: Sequence[str]) -> None:
        """Raise `ActionRefused` unless every name is a key that can be pressed."""
        missing = {keysym(name) for name in names} - self._strokes.keys()
        if len(missing) > len(self._spare):
            raise ActionRefused(
                f"{len(missing)} keys of {names} are not on this keyboard;"
                f" expected at most {len(self._spare)}"
            )

    def refuse_untypable(self, text: str) -> None:
        """Raise `ActionRefused` at a control code, newline and tab aside."""
        for char in text:
            if char not in _BY_NAME and unicodedata.category(char) in ("Cc", "Cs"):
                raise ActionRefused(f"the character {char!r} cannot be typed")

    def chord(self, names: Sequence[str], presses: int = 1) -> None:
        """Press all the keys in order and release them in reverse, `presses` times."""
        symbols = [keysym(name) for name in names]
        with self._lent(self._missing(symbols)):
            for _ in range(presses):
                for symbol in symbols:
                    self._press_symbol(symbol)
                self.release_all()

    @contextmanager
    def held(self, names: Sequence[str]) -> Iterator[None]:
        """Keep the keys down for the block."""
        symbols = [keysym(name) for name in names]
        with self._lent(self._missing(symbols)):
            try:
                for symbol in symbols:
                    self._press_symbol(symbol)
                yield
            finally:
                self.release_all()

    def type_text(self, text: str) -> None:
        """Strike the characters one after the other."""
        symbols = [keysym(_BY_NAME.get(char, char)) for char in _pressable(text)]
        caps_lock = bool(self._x.screen().root.query_pointer().mask & X.LockMask)
        if caps_lock:
            self._tap(self._strokes[_CAPS_LOCK])
        try:
            for group in self._groups(symbols):
                with self._lent(self._missing(group)):
                    for symbol in group:
                        self._tap(self._strokes[symbol])
        finally:
            if caps_lock:
                self._tap(self._strokes[_CAPS_LOCK])

    def release_all(self) -> None:
        """Let go of every key held here, the last one first."""
        while self._held:
            xtest.fake_input(self._x, X.KeyRelease, self._held.pop())
        self._x.sync()

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

    def _missing(self, symbols: Sequence[int]) -> list[int]:
        return [symbol for symbol in dict.fromkeys(symbols) if symbol not in self._strokes]

    def _groups(self, symbols: Sequence[int]) -> Iterator[list[int]]:
        """Cut so that no group needs more spare keycodes than there are."""
        group: list[int] = []
        missing: set[int] = set()
        for symbol in symbols:
            if symbol not in self._strokes and symbol not in missing:
                if len(missing) == len(self._spare):
                    yield group
                    group, missing = [], set()
                missing.add(symbol)
            group.append(symbol)
        if group:
            yield group

    @contextmanager
    def _lent(self, symbols: Sequence[int]) -> Iterator[None]:
        """Spare keycodes make the symbols for the block, and nothing again after it."""
        if not symbols:
            yield
            return
        lent = dict(zip(symbols, self._spare, strict=False))
        try:
            for symbol, keycode in lent.items():
                # Twice, so that shift makes no difference to it.
                self._x.change_keyboard_mapping(keycode, [(symbol, symbol)])
                self._strokes[symbol] = Stroke(keycode, shifted=False)
            self._settle()
            yield
            self._settle()
        finally:
            for symbol, keycode in lent.items():
                self._strokes.pop(symbol, None)
                self._x.change_keyboard_mapping(keycode, [(X.NoSymbol, X.NoSymbol)])
            self._x.sync()

    def _settle(self) -> None:
        self._x.sync()
        time.sleep(SETTLE_SECONDS)


def _pressable(text: str) -> str:
    """One newline a line end: a carriage return is not a second one."""
    return text.replace("\r\n", "\n")
