"""What a model proposes: the actions of `env.actions` in the model's own frame.

Points are fractions of the picture the model saw, x to the right and y down,
0 to 1; `agent.coords` alone turns them into pixels. `Finish` has no twin in
`env.actions`: saying "done" is the agent's business, not the screen's.
"""

from dataclasses import asdict, dataclass
from typing import NamedTuple

from env.actions import Button


class Fraction(NamedTuple):
    """A point of the picture, each side counted from 0 to 1; 1.0 is the last pixel."""

    x: float
    y: float


@dataclass(frozen=True, slots=True)
class ClickAt:
    at: Fraction
    button: Button = "left"
    count: int = 1
    modifiers: tuple[str, ...] = ()
    hold_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class MoveTo:
    to: Fraction


@dataclass(frozen=True, slots=True)
class DragFrom:
    start: Fraction
    end: Fraction
    button: Button = "left"
    modifiers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ScrollAt:
    notches: int
    """Positive up or to the right."""
    at: Fraction | None = None
    """None: the model named no point, which means the middle of the picture."""
    sideways: bool = False
    modifiers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WriteText:
    text: str


@dataclass(frozen=True, slots=True)
class PressKeys:
    keys: tuple[str, ...]
    presses: int = 1


@dataclass(frozen=True, slots=True)
class WaitFor:
    seconds: float


@dataclass(frozen=True, slots=True)
class Finish:
    success: bool
    answer: str = ""


Proposal = ClickAt | MoveTo | DragFrom | ScrollAt | WriteText | PressKeys | WaitFor | Finish


def as_record(proposal: Proposal) -> dict[str, object]:
    """Plain JSON values, for the log: `{"proposal": "ClickAt", "at": [0.5, 0.5], ...}`."""
    return {"proposal": type(proposal).__name__, **asdict(proposal)}
