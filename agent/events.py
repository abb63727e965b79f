"""What the loop announces while it works; screens, progress lines and tests subscribe.

Events arrive in the thread of the episode, in order, and must not block it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from functools import partial

from agent.proposals import Proposal
from env.actions import Action
from env.screen import Screenshot, ScreenSize
from model.messages import Completion


class Ending(Enum):
    """How an episode ended. None of these is a score."""

    DONE = "done"
    """The model said it is done."""
    FAILED = "failed"
    """The model said it cannot be done."""
    ENVIRONMENT_OVER = "environment over"
    """The task's own end was reached."""
    STEP_LIMIT = "step limit"
    REPEATED = "repeated"
    """The same action on the same screen again and again."""
    UNPARSEABLE = "unparseable"
    """No usable answer, several times in a row."""
    POLICY_FAILED = "policy failed"
    """No answer at all: not the model's mistake."""
    DESKTOP_LOST = "desktop lost"
    DISK_FULL = "disk full"
    """Too little space for another step of the log."""
    NOT_BEGUN = "not begun"
    """Its world could not be set up."""
    STOPPED = "stopped"
    """Somebody asked for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeResult:
    task: str
    seed: int | None
    ending: Ending
    num_steps: int
    """Answers asked for, refused ones included."""
    score: float | None
    """In [-1, 1] as the environment rewards it; None: could not be judged, which is not 0."""
    reason: str
    """Why it ended so, or what the judge said."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Where the time went: capture, settle, model, act, total; the model's own vision,
    prefill and decode, which are parts of model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeStarted:
    task: str
    seed: int | None
    instruction: str
    size: ScreenSize


@dataclass(frozen=True, slots=True, kw_only=True)
class Glimpsed:
    """What the screen shows while it is waited for to settle. The policy has not seen it, and if
    it changes on it never will; the log knows nothing of it."""

    screenshot: Screenshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    step: int
    screenshot: Screenshot
    seconds: float
    """Capture and settling."""
    capture_seconds: float = 0.0
    """Of these."""
    image: str = ""
    """Its name in the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextStreamed:
    step: int
    text: str
    """The new piece only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    step: int
    thought: str
    sentence: str
    proposals: tuple[Proposal, ...]
    actions: tuple[Action, ...]
    """The proposals on the screen; what says the task is over is not among them."""
    seconds: float
    """The policy took."""
    completion: Completion = field(default_factory=partial(Completion, text=""))
    """The answer as it was given, or as a person changed it: its text and what it cost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Performed:
    step: int
    actions: tuple[Action, ...]
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The answer, or the rest of it, was not performed; the model is told why."""

    step: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused:
    """Nothing is asked and nothing done until it is resumed. Comes a second time if a person
    steps in during a pause that was none of theirs."""

    step: int
    """The last one seen; 0: none yet."""
    reason: str
    takeover: bool
    """A person used mouse or keyboard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """It goes on, with a new look at the screen; or it was stopped in the pause."""

    step: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeEnded:
    result: EpisodeResult


Event = (
    EpisodeStarted
    | Glimpsed
    | Observed
    | TextStreamed
    | Proposed
    | Performed
    | Refused
    | Paused
    | Resumed
    | EpisodeEnded
)
Emit = Callable[[Event], None]


def nobody(event: Event) -> None:
    """A subscriber that does not care."""


def both(one: Emit, other: Emit) -> Emit:
    """Tell two subscribers, the first one first."""

    def emit(event: Event) -> None:
        one(event)
        other(event)

    return emit
