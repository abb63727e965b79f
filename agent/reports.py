"""What a session tells those who watch it, and what they may ask of it: one JSON line each.

    {"kind":"streamed","step":2,"text":"The name is"}
    {"kind":"reply","number":1,"verdict":"no","text":"not this one"}

Both ends are ours, but a line is read like anything from outside: a kind that does not exist, a
field too many or one of another type is an error.
"""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Base64Bytes, ConfigDict, Field, TypeAdapter

from agent.safety import Mode

_STRICT = ConfigDict(extra="forbid")

Unattended = Literal["go on", "stop"]
Mood = Literal["opening", "ready", "working", "paused", "asking", "closing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The first line to everyone who comes."""

    __pydantic_config__ = _STRICT
    session: str
    pid: int
    model: str
    desktop: str
    unattended: Unattended
    kind: Literal["opened"] = "opened"


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What it is doing now."""

    __pydantic_config__ = _STRICT
    mood: Mood
    reason: str = ""
    mode: Mode = "risky"
    megabytes: float = 0.0
    """Memory of the session's process."""
    kind: Literal["state"] = "state"


@dataclass(frozen=True, slots=True, kw_only=True)
class Began:
    __pydantic_config__ = _STRICT
    task: str
    instruction: str
    max_steps: int
    width: int
    """Of the screen, in pixels."""
    height: int
    folder: str
    """Of the run."""
    kind: Literal["began"] = "began"


@dataclass(frozen=True, slots=True, kw_only=True)
class Glimpse:
    """What the screen shows while it is waited for to settle: told early, so that it is drawn
    while nobody needs the processor. What the model saw is told by `saw` alone."""

    __pydantic_config__ = _STRICT
    at: float
    """Seconds since the epoch: when the session announced it."""
    jpeg: Base64Bytes = field(repr=False)
    kind: Literal["glimpse"] = "glimpse"


@dataclass(frozen=True, slots=True, kw_only=True)
class Saw:
    __pydantic_config__ = _STRICT
    step: int
    at: float
    """Seconds since the epoch: when the session announced it."""
    seconds: float
    capture_seconds: float = 0.0
    """Of these, the last look's; the others went to waiting."""
    image: str
    """Its name in the store of the run."""
    jpeg: Base64Bytes = field(default=b"", repr=False)
    """Empty for a picture that was sent before, or that somebody who came late did not see."""
    sent_before: bool = False
    """It shows the same as the last picture that was sent, of a glimpse or of another look."""
    kind: Literal["saw"] = "saw"


@dataclass(frozen=True, slots=True, kw_only=True)
class Streamed:
    __pydantic_config__ = _STRICT
    step: int
    text: str
    kind: Literal["streamed"] = "streamed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What it is going to do."""

    __pydantic_config__ = _STRICT
    step: int
    thought: str
    sentence: str
    code: str
    words: str
    """The actions in a few words, with their pixels."""
    points: tuple[tuple[int, int], ...]
    """Of the screen."""
    seconds: float
    """The policy took."""
    tokens: int = 0
    tokens_per_second: float = 0.0
    prompt_tokens: int = 0
    reused_tokens: int = 0
    """Of the prompt, from the cache."""
    parts: dict[str, float] = field(default_factory=dict)
    """Seconds, as `trajectories.waterfall` names them."""
    kind: Literal["planned"] = "planned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """A question; `answered` closes it."""

    __pydantic_config__ = _STRICT
    number: int
    step: int
    thought: str
    sentence: str
    code: str
    words: str
    points: tuple[tuple[int, int], ...]
    """Of the crop: where in it the action goes."""
    risks: tuple[tuple[str, str], ...]
    """Kind and reason."""
    until: float | None
    """Seconds since the epoch; then it is no. None: it waits."""
    crop: Base64Bytes = field(default=b"", repr=False)
    """PNG: the surroundings of the target, a pixel a pixel; empty for actions without a point."""
    kind: Literal["asking"] = "asking"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    __pydantic_config__ = _STRICT
    number: int
    words: str
    kind: Literal["answered"] = "answered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Acted:
    __pydantic_config__ = _STRICT
    step: int
    count: int
    seconds: float
    kind: Literal["acted"] = "acted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Declined:
    """Not performed, or not all of it; the model is told why."""

    __pydantic_config__ = _STRICT
    step: int
    reason: str
    kind: Literal["declined"] = "declined"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A person said something to the model."""

    __pydantic_config__ = _STRICT
    text: str
    kind: Literal["heard"] = "heard"


@dataclass(frozen=True, slots=True, kw_only=True)
class Over:
    __pydantic_config__ = _STRICT
    ending: str
    reason: str
    score: float | None
    steps: int
    seconds: float
    folder: str
    kind: Literal["over"] = "over"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Something failed that is nobody's doing but the machine's or the set-up's."""

    __pydantic_config__ = _STRICT
    text: str
    kind: Literal["trouble"] = "trouble"


Report = (
    Opened
    | State
    | Began
    | Glimpse
    | Saw
    | Streamed
    | Planned
    | Asking
    | Answered
    | Acted
    | Declined
    | Heard
    | Over
    | Trouble
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attach:
    """Watch from now on. Who only looks which session it is does not send it."""

    __pydantic_config__ = _STRICT
    kind: Literal["attach"] = "attach"


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin:
    """A task. Refused, with a `trouble`, while another is being done."""

    __pydantic_config__ = _STRICT
    instruction: str
    max_steps: int = 15
    kind: Literal["begin"] = "begin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """Stop the episode."""

    __pydantic_config__ = _STRICT
    kind: Literal["halt"] = "halt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Pause."""

    __pydantic_config__ = _STRICT
    takeover: bool = False
    """The person is going to act: what comes of it is not the model's doing alone."""
    kind: Literal["hold"] = "hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class GoOn:
    """Resume, hand back."""

    __pydantic_config__ = _STRICT
    kind: Literal["go on"] = "go on"


@dataclass(frozen=True, slots=True, kw_only=True)
class OneStep:
    """Go on up to the next action, ask about it, and pause after it."""

    __pydantic_config__ = _STRICT
    kind: Literal["one step"] = "one step"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tell:
    __pydantic_config__ = _STRICT
    text: str
    kind: Literal["tell"] = "tell"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """To a question that is open; to any other it is nothing."""

    __pydantic_config__ = _STRICT
    number: int
    verdict: Literal["yes", "always", "no", "instead"]
    text: str = ""
    """The reason of a no; the code of an instead."""
    kind: Literal["reply"] = "reply"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetMode:
    """When to ask, from now on."""

    __pydantic_config__ = _STRICT
    mode: Mode
    kind: Literal["set mode"] = "set mode"


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """Stop, close the desktop and end the process."""

    __pydantic_config__ = _STRICT
    kind: Literal["close"] = "close"


Order = Begin | Halt | Hold | GoOn | OneStep | Tell | Reply | SetMode | Close
"""What the session obeys."""

_REPORT: TypeAdapter[Report] = TypeAdapter(Annotated[Report, Field(discriminator="kind")])
_ORDER: TypeAdapter[Attach | Order] = TypeAdapter(
    Annotated[Attach | Order, Field(discriminator="kind")]
)


def report_line(report: Report) -> bytes:
    return _REPORT.dump_json(report) + b"\n"


def order_line(order: Attach | Order) -> bytes:
    return _ORDER.dump_json(order) + b"\n"


def read_report(line: bytes) -> Report:
    """Raises: ValueError: no report."""
    return _REPORT.validate_json(line)


def read_order(line: bytes) -> Attach | Order:
    """Raises: ValueError: no order."""
    return _ORDER.validate_json(line)
