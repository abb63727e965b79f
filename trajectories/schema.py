"""The records of a run: what was seen, meant, done and how it ended; and those of a recording.

A run is one sequence of records and holds many episodes, one after another.
The order within a step is OBS, INTENT, then OUTCOME; NOTEs and GUARDs stand
anywhere between. An INTENT without an OUTCOME is "in doubt": the action may or may not
have reached the screen. Every field is a plain JSON value; points of `actions`
are pixels of the screen, points of `proposals` fractions of the picture.
"""

from dataclasses import asdict, dataclass, field
from enum import IntEnum
from typing import Any

from pydantic import ConfigDict, TypeAdapter

SCHEMA_VERSION = 1

_STRICT = ConfigDict(extra="forbid")


class RecordType(IntEnum):
    RUN = 1
    EPISODE = 2
    OBS = 3
    INTENT = 4
    OUTCOME = 5
    NOTE = 6
    STOP = 7
    END = 8
    GUARD = 9
    GAP = 10
    CLOSED = 11
    INPUT = 20
    REVEAL = 21
    FRAME = 22
    PLACE = 23
    PAUSE = 24
    TALLY = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The first record: who acts, and with what settings."""

    __pydantic_config__ = _STRICT
    run_id: str
    schema: int = SCHEMA_VERSION
    policy: str
    """Its name: "nano", "expert", a path."""
    started_at: float
    """Seconds since the epoch."""
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeStart:
    __pydantic_config__ = _STRICT
    task: str
    """The task's name, or "free" for one typed by a person."""
    seed: int | None = None
    instruction: str
    width: int
    """Of the screen, in pixels."""
    height: int
    started_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    __pydantic_config__ = _STRICT
    step: int
    """Counted from 1 within the episode."""
    image: str
    """SHA-256 of the screenshot's PNG file, in hex: its name in the store."""
    width: int
    height: int
    taken_at: float
    capture_seconds: float
    settle_seconds: float
    """Spent waiting for the screen to stand still before this picture."""
    settled: bool
    """False: the screen was still changing at the ceiling."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What the policy answered; synced to disk before anything of it is performed."""

    __pydantic_config__ = _STRICT
    step: int
    response: str
    thought: str
    sentence: str
    proposals: list[dict[str, Any]] = field(default_factory=list)
    actions: list[dict[str, Any]] = field(default_factory=list)
    """As sent to the screen; empty if the answer was refused or only says the task is over."""
    token_ids: list[int] = field(default_factory=list)
    log_probs: list[float] = field(default_factory=list)
    num_prompt_tokens: int = 0
    num_reused_tokens: int = 0
    """Of the prompt's, those that were computed for a prompt before; 0 in logs from before it was
    told."""
    num_prepared_tokens: int = 0
    """Computed between the answer before and this one, for this prompt or a later one."""
    seconds: dict[str, float] = field(default_factory=dict)
    """The policy's own account ("vision", "prefill", "decode", "ahead") and "model", the whole
    of its answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    __pydantic_config__ = _STRICT
    step: int
    performed: int
    """How many of the intent's actions were performed; the others were not begun."""
    refused: str | None = None
    """Why not more: what the model is told."""
    act_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    __pydantic_config__ = _STRICT
    step: int
    kind: str
    """"advice": `text` is what an expert would have answered to the same observation.
    "labels": what can be read on it, the JSON of `agent.labels`.
    "again": code that was answered, and not done since it was done on this very screen before.
    "restless": what was clicked at looked otherwise at every look, and was clicked all the same.
    "pause" and "resume": nothing was asked and nothing done between them; `text` is why."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Somebody asked for the episode to stop."""

    __pydantic_config__ = _STRICT
    step: int
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeEnd:
    __pydantic_config__ = _STRICT
    ending: str
    """The name of an `agent.loop.Ending`."""
    score: float | None = None
    """In [-1, 1] as the environment rewards it; None: could not be judged, which is not 0."""
    reason: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """Something outside the policy stepped in; what came of it is not the policy's doing alone."""

    __pydantic_config__ = _STRICT
    step: int
    kind: str
    """"takeover": a person used mouse or keyboard. "alarm": something was not as it should be,
    and an action was held back. "edited": a person changed the answer, which was `text` before;
    the intent has it as it was performed. "told": a person said `text` to the policy."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Where `log repair` left out what could not be read."""

    __pydantic_config__ = _STRICT
    lost_bytes: int
    damaged_file: str
    """Of the run folder: the log as it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """The writer ended in good order and all before this is on disk."""

    __pydantic_config__ = _STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """What a person did in a moment: rows of [at, kind, x, y, down, button, key, char, code], as
    `env.listen.InputEvent`. Keys are withheld (no name, no character, no code) until it is known
    that they are no secret."""

    __pydantic_config__ = _STRICT
    first: int
    """Number of the first event, counted from 0 over the recording."""
    events: list[list[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reveal:
    """Keys that are no secret: rows of [number of the event, key, char, code]."""

    __pydantic_config__ = _STRICT
    keys: list[list[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The screen, from the moment it looked so."""

    __pydantic_config__ = _STRICT
    at: float
    """Seconds of the monotonic clock, as of the events."""
    image: str
    """As an observation's; of a frame in the video, SHA-256 of its RGB pixels."""
    video: int | None = None
    """Its number in `screen.ts`, counted from 0; None: it is a picture of the store."""
    blacked: list[list[int]] = field(default_factory=list)
    """Boxes [left, top, right, bottom] that were painted over before it was stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the person is: the window in front, and what was under the pointer at a press."""

    __pydantic_config__ = _STRICT
    at: float
    window: str
    """Its title."""
    window_class: str
    role: str = ""
    """AT-SPI's, of the element; empty where no application says."""
    name: str = ""
    box: list[int] | None = None
    url: str | None = None
    """Of a browser that is ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    __pydantic_config__ = _STRICT
    at: float
    paused: bool
    """False: it goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """The end of a recording: were all events stored that were seen?"""

    __pydantic_config__ = _STRICT
    num_seen: int
    num_stored: int
    num_withheld: int
    """Keys whose names never reached the disk."""


Record = (
    Run
    | EpisodeStart
    | Observation
    | Intent
    | Outcome
    | Note
    | Stop
    | EpisodeEnd
    | Guard
    | Gap
    | Closed
    | Input
    | Reveal
    | Frame
    | Place
    | Pause
    | Tally
)

_CLASSES: dict[RecordType, type[Record]] = {
    RecordType.RUN: Run,
    RecordType.EPISODE: EpisodeStart,
    RecordType.OBS: Observation,
    RecordType.INTENT: Intent,
    RecordType.OUTCOME: Outcome,
    RecordType.NOTE: Note,
    RecordType.STOP: Stop,
    RecordType.END: EpisodeEnd,
    RecordType.GUARD: Guard,
    RecordType.GAP: Gap,
    RecordType.CLOSED: Closed,
    RecordType.INPUT: Input,
    RecordType.REVEAL: Reveal,
    RecordType.FRAME: Frame,
    RecordType.PLACE: Place,
    RecordType.PAUSE: Pause,
    RecordType.TALLY: Tally,
}
_TYPES = {cls: kind for kind, cls in _CLASSES.items()}
_READERS: dict[RecordType, TypeAdapter[Any]] = {
    kind: TypeAdapter(cls) for kind, cls in _CLASSES.items()
}


def to_plain(record: Record) -> tuple[RecordType, dict[str, Any]]:
    return _TYPES[type(record)], asdict(record)


def from_json(kind: RecordType, payload: bytes) -> Record:
    """Raises: ValueError (pydantic's) for a missing, unknown or ill-typed field."""
    record: Record = _READERS[kind].validate_json(payload)
    return record
