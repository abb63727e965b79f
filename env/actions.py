"""Everything that can be done to a screen: a closed union of frozen values.

Points are pixels of the screen (see `env.screen`). Key names are pyautogui's
(`enter`, `ctrl`, `pagedown`); `env.keys` is the one table of them.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

Button = Literal["left", "middle", "right"]

MAX_TYPED_CHARACTERS = 2_000
MAX_PRESSES = 50
MAX_NOTCHES = 50
MAX_WAIT_SECONDS = 60.0
MAX_HOLD_SECONDS = 10.0


class Point(NamedTuple):
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Click:
    at: Point
    button: Button = "left"
    count: int = 1
    """1, 2 or 3 presses in quick succession."""
    modifiers: tuple[str, ...] = ()
    """Keys held down around the click, e.g. ("ctrl",)."""
    hold_seconds: float = 0.0
    """How long the button stays down: a long press, of a click of one press."""

    def __post_init__(self) -> None:
        if self.count not in (1, 2, 3):
            raise ValueError(f"a click of {self.count} presses; expected 1, 2 or 3")
        if not 0.0 <= self.hold_seconds <= MAX_HOLD_SECONDS:
            raise ValueError(
                f"a press held for {self.hold_seconds} s; expected 0 to {MAX_HOLD_SECONDS}"
            )
        if self.hold_seconds and self.count > 1:
            raise ValueError(f"a click of {self.count} presses, held; expected one press")


@dataclass(frozen=True, slots=True)
class Move:
    to: Point


@dataclass(frozen=True, slots=True)
class Drag:
    start: Point
    end: Point
    button: Button = "left"
    modifiers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scroll:
    at: Point
    notches: int
    """Wheel notches, positive up or to the right (as pyautogui counts on Linux); never 0."""
    sideways: bool = False
    modifiers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= abs(self.notches) <= MAX_NOTCHES:
            raise ValueError(f"scroll of {self.notches} notches; expected 1 to {MAX_NOTCHES}")


@dataclass(frozen=True, slots=True)
class TypeText:
    text: str
    """Typed as it stands; a newline presses enter."""

    def __post_init__(self) -> None:
        if not 1 <= len(self.text) <= MAX_TYPED_CHARACTERS:
            raise ValueError(
                f"{len(self.text)} characters to type; expected 1 to {MAX_TYPED_CHARACTERS}"
            )


@dataclass(frozen=True, slots=True)
class Keys:
    keys: tuple[str, ...]
    """Pressed together in this order, released in reverse: ("ctrl", "c")."""
    presses: int = 1
    """How often the whole chord is struck."""

    def __post_init__(self) -> None:
        if not self.keys:
            raise ValueError("no keys to press; expected at least one")
        if not 1 <= self.presses <= MAX_PRESSES:
            raise ValueError(f"{self.presses} presses; expected 1 to {MAX_PRESSES}")


@dataclass(frozen=True, slots=True)
class Wait:
    seconds: float

    def __post_init__(self) -> None:
        if not 0.0 < self.seconds <= MAX_WAIT_SECONDS:
            raise ValueError(
                f"a wait of {self.seconds} s; expected more than 0, at most {MAX_WAIT_SECONDS}"
            )


Action = Click | Move | Drag | Scroll | TypeText | Keys | Wait
"""What a `Desktop` performs. Saying "done" or "failed" is up to the agent, not to the screen."""


def points_of(action: Action) -> tuple[Point, ...]:
    """Every point of the screen the action touches, in order."""
    match action:
        case Click(at=at) | Scroll(at=at):
            return (at,)
        case Move(to=to):
            return (to,)
        case Drag(start=start, end=end):
            return (start, end)
        case TypeText() | Keys() | Wait():
            return ()
