"""A key map as a table of strokes, and which of its free keys are lent to what.

Knows no display: rows of keysyms go in, strokes and rows to write come out.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from env.characters import Characters
from env.keys import character_keysym

_KEYPAD = range(0xFF80, 0xFFC0)
"""What these type hangs on num lock."""


class Stroke(NamedTuple):
    keycode: int
    shifted: bool


class KeyMap:
    def __init__(self, rows: Mapping[int, Sequence[int]], group: int = 0) -> None:
        """
        Args:
            rows: of every keycode, as the core protocol gives them.
            group: which layout is active, counted from 0.
        """
        self.group = group
        self._rows = {keycode: _trimmed(row) for keycode, row in rows.items()}
        self._strokes: dict[int, Stroke] = {}
        """By keysym. Earlier keycodes win, so `<` is shift and comma, not the 105th key."""
        self._spare: list[Stroke] = []
        """What may be lent, the one lent longest ago first."""
        self._lent: dict[Stroke, int] = {}
        """The keysym it makes for now."""
        characters = Characters()
        for keycode, row in rows.items():
            # Only keycodes that make nothing. The volume and browser keys look as free, but
            # Chromium goes back a page at theirs whatever they are made to type.
            if not any(row):
                self._spare += [Stroke(keycode, shifted=False), Stroke(keycode, shifted=True)]
            for shifted, symbol in enumerate(self._reached(row)):
                stroke = Stroke(keycode, shifted=bool(shifted))
                self._strokes.setdefault(symbol, stroke)
                # A layout may name its letters by older keysyms: Cyrillic_a is U+0430.
                char = "" if symbol in _KEYPAD else characters.of(symbol)
                if char.isprintable() and char:
                    self._strokes.setdefault(character_keysym(char), stroke)
        self._strokes.pop(0, None)
        self.spare_keycodes = frozenset(stroke.keycode for stroke in self._spare)

    def _reached(self, row: Sequence[int]) -> Sequence[int]:
        """What the key makes plain and with shift in the active group (XKB's order of columns:
        two of the first group, two of the second, then levels and groups beyond)."""
        first = row[:2]
        match self.group:
            case 0:
                return first
            case 1:
                second = row[2:4]
                return second if any(second) else first
            case _:
                # Not to be told from the core map; keys that type nothing are the same in all.
                return [symbol if symbol >> 8 == 0xFF else 0 for symbol in first]

    def stroke(self, symbol: int) -> Stroke:
        return self._strokes[symbol]

    def foreign(self, symbols: Iterable[int]) -> list[int]:
        """Those no key makes, each once."""
        return [symbol for symbol in dict.fromkeys(symbols) if symbol not in self._strokes]

    def groups(self, symbols: Sequence[int]) -> Iterator[list[int]]:
        """Cut so that no group needs more spare keys than there are."""
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

    def lend(self, symbols: Sequence[int]) -> list[int]:
        """Give every symbol a key; the keycodes whose rows are to be written for it."""
        missing = self.foreign(symbols)
        if not missing:
            return []
        wanted = set(symbols)
        free = [stroke for stroke in self._spare if self._lent.get(stroke) not in wanted]
        taken = dict(zip(free, missing, strict=False))
        for stroke in taken.keys() & self._lent.keys():
            del self._strokes[self._lent[stroke]]
        self._lent |= taken
        self._strokes |= {symbol: stroke for stroke, symbol in taken.items()}
        self._spare = [stroke for stroke in self._spare if stroke not in taken] + list(taken)
        changed = sorted({stroke.keycode for stroke in taken})
        for keycode in changed:
            self._rows[keycode] = self.lent_row(keycode)
        return changed

    def lent_row(self, keycode: int) -> tuple[int, int]:
        """A half that is lent to nothing makes what the other does: of a letter alone, the
        server would make a small and a capital one."""
        plain = self._lent.get(Stroke(keycode, shifted=False), 0)
        shifted = self._lent.get(Stroke(keycode, shifted=True), 0)
        return plain or shifted, shifted or plain

    def lent_keycodes(self) -> list[int]:
        return sorted({stroke.keycode for stroke in self._lent})

    def agrees_with(self, rows: Mapping[int, Sequence[int]]) -> bool:
        """Whether the server's map is the one this table was made of, what is lent included."""
        if rows.keys() != self._rows.keys():
            return False
        lent = set(self.lent_keycodes())
        return all(
            tuple(row[:2]) == self._rows[keycode]
            if keycode in lent
            else _trimmed(row) == self._rows[keycode]
            for keycode, row in rows.items()
        )


def _trimmed(row: Sequence[int]) -> tuple[int, ...]:
    """Without the empty columns at its end: how many there are hangs on the widest row."""
    end = len(row)
    while end and not row[end - 1]:
        end -= 1
    return tuple(row[:end])
