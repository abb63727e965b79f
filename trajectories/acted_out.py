"""An episode as the recording a person would have left who did the same.

Agents leave actions, recorders events; some formats know only events. Reduced
again (`trajectories.reduce`) they come to the same actions, save what leaves no
trace in events: a wait, a pointer moved where nothing came of it, a press held
for less than a long one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from env.actions import Action, Click, Drag, Keys, Move, Point, Scroll, TypeText, Wait
from env.input_event import InputEvent
from trajectories.action_json import decode
from trajectories.reading import RunRecord
from trajectories.recording import Recording
from trajectories.schema import Frame, Run

LOOK_SECONDS, AFTER_SECONDS = 1.0, 2.5
"""Before a step's first event, so that its screen stands still; after its last, so that two texts
in a row are two."""
_TICK_SECONDS = 0.04
_BUTTONS = {"left": 1, "middle": 2, "right": 3}
_NAMED = {"\n": "enter", "\t": "tab"}


@dataclass(frozen=True, slots=True)
class Told:
    """What the agent said of the events of a time."""

    since: float
    until: float
    words: str


@dataclass(slots=True)
class ActedOut:
    recording: Recording
    told: list[Told] = field(default_factory=list)


def acted_out(run: RunRecord, number: int) -> ActedOut:
    """The performed actions of an episode, each on the screen it was decided on."""
    episode = run.episodes[number]
    size = [episode.start.width, episode.start.height]
    settings = {"kind": "recording", "size": size, "reviewed": True}
    made = Run(run_id=run.run.run_id, policy=run.run.policy, started_at=0.0, settings=settings)
    recording = Recording(made, run.folder)
    acted = ActedOut(recording)
    hand = _Hand(recording.events)
    for step in episode.steps:
        recording.frames.append(Frame(at=hand.now, image=step.observation.image))
        since = hand.now
        hand.wait(LOOK_SECONDS)
        performed = 0 if step.outcome is None else step.outcome.performed
        actions = [] if step.intent is None else step.intent.actions[:performed]
        for action in actions:
            hand.do(decode(action))
        if step.intent is not None:
            acted.told.append(Told(since, hand.now, step.intent.sentence))
        hand.wait(AFTER_SECONDS)
    return acted


class _Hand:
    """Writes events down, with a clock of its own."""

    def __init__(self, events: list[InputEvent]) -> None:
        self._events = events
        self._at = Point(0, 0)
        self._codes: dict[str, int] = {}
        self.now = 0.0

    def wait(self, seconds: float) -> None:
        self.now = round(self.now + seconds, 6)

    def do(self, action: Action) -> None:
        match action:
            case Click(at=at, button=button, count=count, modifiers=held, hold_seconds=hold):
                self._move(at)
                with_keys = self._holding(held)
                next(with_keys)
                for _ in range(count):
                    self._button(True, _BUTTONS[button])
                    self.wait(hold)
                    self._button(False, _BUTTONS[button])
                next(with_keys, None)
            case Move(to=to):
                self._move(to)
            case Drag(start=start, end=end, button=button, modifiers=held):
                self._move(start)
                with_keys = self._holding(held)
                next(with_keys)
                self._button(True, _BUTTONS[button])
                self._move(Point((start.x + end.x) // 2, (start.y + end.y) // 2))
                self._move(end)
                self._button(False, _BUTTONS[button])
                next(with_keys, None)
            case Scroll(at=at, notches=notches, sideways=sideways, modifiers=held):
                self._move(at)
                with_keys = self._holding(held)
                next(with_keys)
                backwards, forwards = (6, 7) if sideways else (5, 4)
                wheel = forwards if notches > 0 else backwards
                for _ in range(abs(notches)):
                    self._button(True, wheel)
                    self._button(False, wheel)
                next(with_keys, None)
            case TypeText(text=text):
                for char in text:
                    self._tap(_NAMED.get(char, char))
            case Keys(keys=keys, presses=presses):
                for _ in range(presses):
                    with_keys = self._holding(keys[:-1])
                    next(with_keys)
                    self._tap(keys[-1])
                    next(with_keys, None)
            case Wait(seconds=seconds):
                self.wait(seconds)

    def _holding(self, keys: tuple[str, ...]) -> Iterator[None]:
        for key in keys:
            self._key(key, True)
        yield
        for key in reversed(keys):
            self._key(key, False)

    def _tap(self, key: str) -> None:
        self._key(key, True)
        self._key(key, False)

    def _key(self, key: str, down: bool) -> None:
        char = " " if key == "space" else key if len(key) == 1 else ""
        code = self._codes.setdefault(key, len(self._codes) + 8)
        self._add(InputEvent(self.now, "key", *self._at, down, 0, key, char, code))

    def _button(self, down: bool, button: int) -> None:
        self._add(InputEvent(self.now, "button", *self._at, down, button))

    def _move(self, to: Point) -> None:
        self._at = to
        self._add(InputEvent(self.now, "move", *to))

    def _add(self, event: InputEvent) -> None:
        self._events.append(event)
        self.wait(_TICK_SECONDS)
