"""One thing a person did with mouse or keyboard; knows no display."""

from typing import Literal, NamedTuple


class InputEvent(NamedTuple):
    at: float
    """Seconds of this machine's monotonic clock."""
    kind: Literal["move", "button", "key"]
    x: int
    """Of the pointer, in pixels of the whole screen, also for keys."""
    y: int
    down: bool = True
    """Pressed or released; of a move always true."""
    button: int = 0
    """X's number: 1 left, 2 middle, 3 right, 4 to 7 the wheel up, down, left, right."""
    key: str = ""
    """A name of `env.keys`, a character, or "keysym 0x..." for what has neither."""
    char: str = ""
    """What the key types; empty for one that types nothing."""
    code: int = 0
    """X's keycode: the physical key, which the same name may move between."""
