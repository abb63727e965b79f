"""What a watcher knows of a session: its reports, sorted into steps. No widget knows more."""

from dataclasses import dataclass, field
from enum import Enum

from agent.reports import (
    Acted,
    Answered,
    Asking,
    Began,
    Declined,
    Glimpse,
    Heard,
    Opened,
    Over,
    Planned,
    Report,
    Saw,
    State,
    Streamed,
    Trouble,
)
from trajectories.answer_text import Sections, sections_of


class Stand(Enum):
    """How far a step is."""

    LOOKING = "looking"
    THINKING = "thinking"
    PLANNED = "about to act"
    ASKED = "waiting for you"
    DONE = "done"
    DECLINED = "not done"


@dataclass(slots=True, kw_only=True)
class StepView:
    number: int
    stand: Stand = Stand.LOOKING
    jpeg: bytes = b""
    """Empty if whoever watches came later; the run folder has it."""
    image: str = ""
    answer: str = ""
    """As far as it was streamed."""
    sentence: str = ""
    words: str = ""
    code: str = ""
    points: tuple[tuple[int, int], ...] = ()
    reason: str = ""
    """Why it was not done."""
    look_seconds: float = 0.0
    think_seconds: float = 0.0
    act_seconds: float = 0.0
    parts: dict[str, float] = field(default_factory=dict)
    """Seconds, as `trajectories.waterfall` names them."""

    @property
    def sections(self) -> Sections:
        """Of the answer, which may not be whole yet."""
        return sections_of(self.answer)

    @property
    def seconds(self) -> float:
        return self.look_seconds + self.think_seconds + self.act_seconds


@dataclass(slots=True, kw_only=True)
class Progress:
    """Of the session and its last episode."""

    opened: Opened | None = None
    state: State | None = None
    began: Began | None = None
    steps: list[StepView] = field(default_factory=list)
    question: Asking | None = None
    over: Over | None = None
    trouble: str = ""
    last_plan: Planned | None = None
    """For its figures."""
    glimpse: bytes = b""
    """JPEG of the screen while the agent waits for it to settle: no step has seen it yet. Empty at
    all other times."""
    _jpeg: bytes = field(default=b"", init=False, repr=False)
    """The last that came."""

    @property
    def is_busy(self) -> bool:
        return self.state is not None and self.state.mood in ("working", "paused", "asking")

    @property
    def is_paused(self) -> bool:
        return self.state is not None and self.state.mood == "paused"

    @property
    def last(self) -> StepView | None:
        return self.steps[-1] if self.steps else None

    def take(self, report: Report) -> None:
        match report:
            case Opened():
                self.opened = report
            case State():
                self.state = report
            case Began():
                self.began, self.over, self.question, self.trouble = report, None, None, ""
                self.steps.clear()
                self.glimpse = b""
            case Glimpse(jpeg=jpeg):
                self.glimpse = self._jpeg = jpeg
            case Saw(step=number):
                step = self._step(number)
                # A second look at the same step, after a pause: the first counts for nothing.
                step.answer, step.stand = "", Stand.THINKING
                self._jpeg = report.jpeg or self._jpeg
                step.jpeg = self._jpeg if report.sent_before else report.jpeg
                step.image, self.glimpse = report.image, b""
                step.look_seconds = report.seconds
                step.parts = {
                    "settle": report.seconds - report.capture_seconds,
                    "capture": report.capture_seconds,
                }
            case Streamed(step=number, text=text):
                self._step(number).answer += text
            case Planned(step=number):
                step = self._step(number)
                step.stand = Stand.PLANNED
                step.sentence, step.words, step.code = report.sentence, report.words, report.code
                step.points, step.think_seconds = report.points, report.seconds
                step.parts |= report.parts
                self.last_plan = report
            case Asking(step=number):
                step = self._step(number)
                step.stand = Stand.ASKED
                step.sentence, step.words, step.code = report.sentence, report.words, report.code
                self.question = report
            case Answered(number=number):
                if self.question is not None and self.question.number == number:
                    self._step(self.question.step).stand = Stand.PLANNED
                    self.question = None
            case Acted(step=number, seconds=seconds):
                step = self._step(number)
                step.stand, step.act_seconds = Stand.DONE, seconds
                step.parts["act"] = seconds
            case Declined(step=number, reason=reason):
                step = self._step(number)
                step.stand, step.reason = Stand.DECLINED, reason
            case Heard():
                pass
            case Over():
                self.over, self.question, self.glimpse = report, None, b""
                if self.steps and self.steps[-1].stand is Stand.PLANNED:
                    self.steps[-1].stand = Stand.DONE
            case Trouble(text=text):
                self.trouble = text

    def _step(self, number: int) -> StepView:
        for step in reversed(self.steps):
            if step.number == number:
                return step
        self.steps.append(StepView(number=number))
        return self.steps[-1]
