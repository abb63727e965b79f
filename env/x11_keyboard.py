"""Which physical key makes a character on an X11 display, and striking it.

A character that no key makes is lent half of a spare keycode, the plain or the
shifted half, so any Unicode text arrives exactly and the clipboard is left
alone. It keeps it until `give_back` or until it is wanted for another: an
application reads a changed key map in its own time, so the map is changed as
seldom as can be. Shift is added by what the key map says, never by a table of
"shifted characters": a table types `>` for `<`, because the 105th key of a
pc105 keyboard makes `<` without shift.

The map is read again when somebody changed it (another layout), and looked at
after every change of ours and after every stretch of typing: a text that may
have come out wrong is never reported as typed.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from Xlib import X
from Xlib.ext import xtest

from env.errors import ActionCut, ActionRefused
from env.keys import character_keysym, keysym
from env.pace import Pace
from env.x11_attention import Attention
from env.x11_keymap import KeyMap, Stroke

STROKES_A_FLUSH = 20
"""Asking after every one doubles the time; never asking could overflow the server's queue."""

MAX_CHORD = 10
"""Fingers."""

_SHIFT = keysym("shift")
_CAPS_LOCK = keysym("capslock")
_BY_NAME = {"\n": keysym("enter"), "\t": keysym("tab")}

_ACCENTS_TO_GTK = frozenset((0x07AE, *range(0xFE50, 0xFE8D), 0xFF20))
"""GTK 3 keeps 16 bits of a keysym when it looks for accents and Compose, so that U+FF20 is Compose
to it and the others are dead keys: they swallow what comes next. Found by showing 3.24.38's input
method every code point from U+0100 to U+1FFFF."""

_HELD_BY_OTHERS = {
    X.ShiftMask: "shift",
    X.ControlMask: "ctrl",
    X.Mod1Mask: "alt",
    X.Mod4Mask: "win",
    X.Mod5Mask: "altgr",
}
_GROUP_SHIFT = 13


class X11Keyboard:
    """The keys of one display, through a connection owned by the caller.

    Whoever cuts an action off calls `release_all`; nothing is released on the way out.
    """

    def __init__(self, connection: Any, pace: Pace) -> None:
        self._x = connection
        self._pace = pace
        self._attention = Attention(connection, pace)
        self._held: list[int] = []
        """Keycodes in the order they went down."""
        self._caps_taken_off = False
        self._map = KeyMap(self._read_rows(), self._group())

    @property
    def spare(self) -> frozenset[int]:
        """Keycodes that made nothing when this keyboard was opened."""
        return self._map.spare_keycodes

    def refuse_unknown(self, names: Sequence[str]) -> None:
        """Raise `ActionRefused` unless every name is a key that can be pressed."""
        symbols = {keysym(name) for name in names}
        if len(symbols) > MAX_CHORD:
            raise ActionRefused(f"{len(names)} keys at once; expected at most {MAX_CHORD}")
        self._refuse_too_many(symbols)

    def chord(self, names: Sequence[str], presses: int = 1) -> None:
        """Press all the keys in order and release them in reverse, `presses` times."""
        for _ in range(presses):
            with self.held(names):
                pass

    @contextmanager
    def held(self, names: Sequence[str]) -> Iterator[None]:
        """Keep the keys down for the block."""
        if names:
            self._look_at_map()
        symbols = [keysym(name) for name in names]
        self._lend(symbols)
        for symbol in symbols:
            self._press_symbol(symbol)
        yield
        self._release_keys()

    def type_text(self, text: str) -> None:
        """Strike the characters one after the other.

        Raises:
            ActionRefused: nothing was typed.
            ActionCut: the key map was changed by somebody else in the middle.
        """
        _refuse_accents(text)
        self._look_at_map()
        symbols = [_BY_NAME.get(char) or character_keysym(char) for char in text]
        self._refuse_too_many(symbols)
        state = self._x.screen().root.query_pointer().mask
        for mask, name in _HELD_BY_OTHERS.items():
            if state & mask:
                raise ActionRefused(f"{name} is held down by somebody; nothing was typed")
        if state & X.LockMask:
            self._tap(self._map.stroke(_CAPS_LOCK))
            self._caps_taken_off = True
        for group in self._map.groups(symbols):
            self._lend(group)
            for nth, symbol in enumerate(group, 1):
                self._tap(self._map.stroke(symbol))
                if nth % STROKES_A_FLUSH == 0:
                    self._x.sync()
            self._x.sync()
            if self._attention.map_changed and self._changed_by_others():
                raise ActionCut("the keyboard layout was changed while typing")
        self._put_caps_back()

    def release_all(self) -> None:
        """Let go of every key held here, the last one first. Sent with the next `sync`."""
        self._release_keys()
        self._put_caps_back()

    def _release_keys(self) -> None:
        while self._held:
            xtest.fake_input(self._x, X.KeyRelease, self._held.pop())

    def _put_caps_back(self) -> None:
        if self._caps_taken_off:
            self._caps_taken_off = False
            keycode = self._map.stroke(_CAPS_LOCK).keycode
            xtest.fake_input(self._x, X.KeyPress, keycode)
            xtest.fake_input(self._x, X.KeyRelease, keycode)

    def give_back(self) -> None:
        """Every lent keycode makes nothing again."""
        for keycode in self._map.lent_keycodes():
            self._x.change_keyboard_mapping(keycode, [(X.NoSymbol, X.NoSymbol)])
        self._x.sync()

    def _press_symbol(self, symbol: int) -> None:
        stroke = self._map.stroke(symbol)
        shift = self._map.stroke(_SHIFT).keycode
        if stroke.shifted and shift not in self._held:
            self._press(shift)
        self._press(stroke.keycode)

    def _press(self, keycode: int) -> None:
        self._pace.before_event()
        self._held.append(keycode)
        xtest.fake_input(self._x, X.KeyPress, keycode)

    def _tap(self, stroke: Stroke) -> None:
        if stroke.shifted:
            self._press(self._map.stroke(_SHIFT).keycode)
        self._press(stroke.keycode)
        self._release_keys()

    def _refuse_too_many(self, symbols: Sequence[int] | set[int]) -> None:
        if not self._map.spare_keycodes and (foreign := self._map.foreign(symbols)):
            raise ActionRefused(
                f"no key of this layout makes keysym {foreign[0]:#x}, and no keycode is free"
                " that could"
            )

    def _lend(self, symbols: Sequence[int]) -> None:
        """See to it that some key makes each of the symbols."""
        changed = self._map.lend(symbols)
        if not changed:
            return
        # What was typed before the change must have been read by the old map.
        self._attention.settle()
        for keycode in changed:
            self._x.change_keyboard_mapping(keycode, [self._map.lent_row(keycode)])
        self._attention.settle(changed=True)
        if self._changed_by_others():
            raise ActionCut("the keyboard layout was changed while typing")

    def _look_at_map(self) -> None:
        """Read it anew if it is another than it was, or another group of it is active."""
        self._attention.drain()
        group = self._group()
        if group != self._map.group or (self._attention.map_changed and self._changed_by_others()):
            self.give_back()
            self._map = KeyMap(self._read_rows(), group)
            self._attention.drain()

    def _changed_by_others(self) -> bool:
        self._attention.map_changed = False
        return self._group() != self._map.group or not self._map.agrees_with(self._read_rows())

    def _group(self) -> int:
        """Of the layouts a user may switch between, the active one; counted from 0."""
        mask: int = self._x.screen().root.query_pointer().mask
        return mask >> _GROUP_SHIFT & 3

    def _read_rows(self) -> dict[int, Sequence[int]]:
        first = self._x.display.info.min_keycode
        last = self._x.display.info.max_keycode
        rows = self._x.get_keyboard_mapping(first, last - first + 1)
        return {keycode: tuple(row) for keycode, row in enumerate(rows, first)}


def _refuse_accents(text: str) -> None:
    for char in text:
        if ord(char) > 0xFF and ord(char) & 0xFFFF in _ACCENTS_TO_GTK:
            raise ActionRefused(
                f"the character {char!r} cannot be typed: applications take its key for an accent"
            )
