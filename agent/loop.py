"""One episode: look, ask, write down what is meant, act, wait until the screen settles.

Nothing is performed before its intent is in the log. The stop signal is looked
at before every action and between the pieces of an answer.
"""

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any, NamedTuple, Protocol

from agent import parser
from agent.coords import to_screen
from agent.errors import AgentError, GroundingError, ParseError, PolicyFailed
from agent.events import (
    Emit,
    Ending,
    EpisodeEnded,
    EpisodeResult,
    EpisodeStarted,
    Observed,
    Performed,
    Proposed,
    Refused,
    TextStreamed,
    nobody,
)
from agent.memory import Memory
from agent.policy import Policy
from agent.prompts import NANO, PromptStyle, render
from agent.proposals import Finish, Proposal, as_record
from env.actions import Action
from env.desktop import Desktop, wait_until_settled
from env.errors import ActionRefused, DesktopLost
from env.screen import Screenshot
from model.errors import ModelError
from model.messages import Completion, Sampling
from trajectories import action_json
from trajectories.schema import (
    EpisodeEnd,
    EpisodeStart,
    Intent,
    Note,
    Observation,
    Outcome,
    Record,
    Stop,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopConfig:
    max_steps: int = 15
    """Answers asked for before the episode is ended."""
    max_repeats: int = 5
    """The same action on the same screen this often in a row ends the episode."""
    max_unparseable: int = 3
    """Unusable answers in a row that end the episode."""
    style: PromptStyle = NANO
    sampling: Sampling = field(default_factory=Sampling)
    settle_ceiling_seconds: float = 1.0
    """A screen still changing after this long is looked at as it is."""
    settle_interval_seconds: float = 0.03
    """Between the two screenshots that must be the same."""

    def __post_init__(self) -> None:
        for name in ("max_steps", "max_repeats", "max_unparseable"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} of {getattr(self, name)}; expected at least 1")

    def settings(self) -> dict[str, Any]:
        """For the RUN record."""
        return {**asdict(self), "style": self.style.name}


class Score(NamedTuple):
    value: float | None
    """In [-1, 1]; None: could not be judged."""
    reason: str = ""


class EpisodeLog(Protocol):
    """What the loop needs of `trajectories.store.RunStore`."""

    def append(self, record: Record, *, sync: bool = False) -> None: ...
    def store_image(self, png: bytes) -> str: ...


def never() -> bool:
    return False


def unscored() -> Score:
    return Score(None, "nobody judges this task")


def no_advice() -> str | None:
    return None


class _StopAsked(Exception):
    """The stop signal was seen."""


class _Over(Exception):
    """The episode has its ending."""

    def __init__(self, ending: Ending, reason: str) -> None:
        super().__init__(reason)
        self.ending = ending
        self.reason = reason


class _Seen(NamedTuple):
    screenshot: Screenshot
    image: str
    """The screenshot's name in the store."""


class Loop:
    """Runs episodes on a desktop. Borrows everything it is given; closes nothing."""

    def __init__(
        self,
        policy: Policy,
        desktop: Desktop,
        log: EpisodeLog,
        config: LoopConfig,
        emit: Emit = nobody,
        *,
        is_over: Callable[[], bool] = never,
        judge: Callable[[], Score] = unscored,
        advisor: Callable[[], str | None] = no_advice,
        labeller: Callable[[], str | None] = no_advice,
        stop: Callable[[], bool] = never,
    ) -> None:
        """
        Args:
            is_over: the task's own end, asked after every action.
            judge: asked once, after the end; not if the desktop is lost.
            advisor: what an expert would answer to the screen of now; logged, never performed.
            labeller: what can be read on the screen of now, as JSON; logged for training.
            stop: true ends the episode before anything more is done.
        """
        self._policy = policy
        self._desktop = desktop
        self._log = log
        self._config = config
        self._emit = emit
        self._is_over = is_over
        self._judge = judge
        self._advisor = advisor
        self._labeller = labeller
        self._stop = stop

    def run(
        self, instruction: str, *, task: str = "free", seed: int | None = None
    ) -> EpisodeResult:
        """One episode from the screen as it is now, with everything in the log.

        Raises:
            OSError: the log cannot be written. The run is over; nothing more was performed.
        """
        return _Episode(self, instruction, task, seed).run()


class _Episode:
    def __init__(self, loop: Loop, instruction: str, task: str, seed: int | None) -> None:
        self._loop = loop
        self._config = loop._config
        self._log = loop._log
        self._emit = loop._emit
        self._instruction = instruction
        self._task = task
        self._seed = seed
        self._memory = Memory(self._config.style.num_screenshots)
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._step = 0
        self._num_unparseable = 0
        self._num_repeats = 0
        self._last: tuple[tuple[Proposal, ...], str] | None = None

    def run(self) -> EpisodeResult:
        started = time.monotonic()
        size = self._loop._desktop.size
        self._log.append(
            EpisodeStart(
                task=self._task,
                seed=self._seed,
                instruction=self._instruction,
                width=size.width,
                height=size.height,
                started_at=time.time(),
            )
        )
        self._emit(
            EpisodeStarted(
                task=self._task, seed=self._seed, instruction=self._instruction, size=size
            )
        )
        ending, reason = self._ending()
        score = self._score(ending, reason)
        seconds = {name: round(spent, 4) for name, spent in self._seconds.items()}
        result = EpisodeResult(
            task=self._task,
            seed=self._seed,
            ending=ending,
            num_steps=self._step,
            score=score.value,
            reason=score.reason or reason,
            seconds={**seconds, "total": round(time.monotonic() - started, 4)},
        )
        self._log.append(
            EpisodeEnd(
                ending=ending.name,
                score=score.value,
                reason=result.reason,
                seconds=result.seconds["total"],
            ),
            sync=True,
        )
        self._emit(EpisodeEnded(result=result))
        return result

    def _ending(self) -> tuple[Ending, str]:
        try:
            for _ in range(self._config.max_steps):
                self._one_step()
        except _Over as over:
            return over.ending, over.reason
        except _StopAsked:
            self._log.append(Stop(step=self._step, at=time.time()))
            return Ending.STOPPED, "asked to stop"
        except DesktopLost as error:
            return Ending.DESKTOP_LOST, str(error)
        except (PolicyFailed, ModelError) as error:
            return Ending.POLICY_FAILED, str(error)
        return Ending.STEP_LIMIT, f"{self._config.max_steps} steps taken"

    def _score(self, ending: Ending, reason: str) -> Score:
        if ending is Ending.DESKTOP_LOST:
            return Score(None, reason)
        try:
            return self._loop._judge()
        except DesktopLost as error:
            return Score(None, str(error))

    def _one_step(self) -> None:
        self._step += 1
        seen = self._observe()
        completion = self._ask(seen.screenshot)
        for kind, told in (("advice", self._loop._advisor), ("labels", self._loop._labeller)):
            text = told()
            if text is not None:
                self._log.append(Note(step=self._step, kind=kind, text=text))
        try:
            parsed = parser.parse(completion.text)
            actions = tuple(
                to_screen(proposal, self._loop._desktop.size)
                for proposal in parsed.proposals
                if not isinstance(proposal, Finish)
            )
        except (ParseError, GroundingError) as error:
            self._unusable(completion, seen, error)
            return
        self._num_unparseable = 0
        self._intend(completion, parsed, actions)
        error_text = self._act(actions)
        self._memory.remember(
            thought=parsed.thought,
            sentence=parsed.sentence,
            error=error_text,
            image=seen.screenshot.image,
        )
        self._after(parsed.proposals, seen, error_text)

    def _observe(self) -> _Seen:
        self._refuse_if_stopped()
        settled = wait_until_settled(
            self._loop._desktop,
            ceiling_seconds=self._config.settle_ceiling_seconds,
            interval_seconds=self._config.settle_interval_seconds,
        )
        # A page that ends late puts its cover on while the screen settles.
        if self._step > 1 and self._loop._is_over():
            self._step -= 1
            raise _Over(Ending.ENVIRONMENT_OVER, "the task ended")
        waited = settled.seconds - settled.capture_seconds
        self._seconds["capture"] += settled.capture_seconds
        self._seconds["settle"] += waited
        screenshot = settled.screenshot
        image = self._log.store_image(screenshot.png())
        self._log.append(
            Observation(
                step=self._step,
                image=image,
                width=screenshot.size.width,
                height=screenshot.size.height,
                taken_at=screenshot.taken_at,
                capture_seconds=round(settled.capture_seconds, 4),
                settle_seconds=round(waited, 4),
                settled=settled.still,
            )
        )
        self._emit(Observed(step=self._step, screenshot=screenshot, seconds=settled.seconds))
        return _Seen(screenshot, image)

    def _ask(self, screenshot: Screenshot) -> Completion:
        messages = render(
            self._config.style, self._instruction, self._memory.steps, screenshot.image
        )
        started = time.monotonic()
        completion = self._loop._policy.complete(
            messages, sampling=self._config.sampling, on_text=self._streamed
        )
        seconds = {**completion.seconds, "model": time.monotonic() - started}
        for name, spent in seconds.items():
            self._seconds[name] += spent
        return replace(completion, seconds=seconds)

    def _streamed(self, text: str) -> None:
        self._refuse_if_stopped()
        self._emit(TextStreamed(step=self._step, text=text))

    def _refuse_if_stopped(self) -> None:
        if self._loop._stop():
            raise _StopAsked

    def _intend(
        self, completion: Completion, parsed: parser.Parsed, actions: tuple[Action, ...]
    ) -> None:
        self._log.append(
            self._intent(
                completion,
                parsed.thought,
                parsed.sentence,
                proposals=[as_record(proposal) for proposal in parsed.proposals],
                actions=[action_json.encode(action) for action in actions],
            ),
            sync=True,
        )
        self._emit(
            Proposed(
                step=self._step,
                thought=parsed.thought,
                sentence=parsed.sentence,
                proposals=parsed.proposals,
                actions=actions,
                seconds=completion.seconds["model"],
            )
        )

    def _intent(
        self, completion: Completion, thought: str, sentence: str, **rest: list[dict[str, Any]]
    ) -> Intent:
        return Intent(
            step=self._step,
            response=completion.text,
            thought=thought,
            sentence=sentence,
            token_ids=list(completion.token_ids),
            log_probs=list(completion.log_probs),
            num_prompt_tokens=completion.num_prompt_tokens,
            seconds={name: round(spent, 4) for name, spent in completion.seconds.items()},
            **rest,
        )

    def _unusable(self, completion: Completion, seen: _Seen, error: AgentError) -> None:
        """The model's mistake: it is told, and asked again."""
        reason = str(error)
        thought, sentence = parser.said(completion.text)
        self._log.append(self._intent(completion, thought, sentence))
        self._log.append(Outcome(step=self._step, performed=0, refused=reason))
        self._emit(Refused(step=self._step, reason=reason))
        self._memory.remember(
            thought=thought, sentence=sentence, error=reason, image=seen.screenshot.image
        )
        self._num_unparseable += 1
        if self._num_unparseable >= self._config.max_unparseable:
            raise _Over(Ending.UNPARSEABLE, reason)

    def _act(self, actions: tuple[Action, ...]) -> str:
        """Perform the actions; gives why it stopped early, or an empty string."""
        started = time.monotonic()
        refused = None
        performed = 0
        try:
            for action in actions:
                self._refuse_if_stopped()
                self._loop._desktop.perform(action)
                performed += 1
        except ActionRefused as error:
            refused = str(error)
            self._emit(Refused(step=self._step, reason=refused))
        finally:
            seconds = time.monotonic() - started
            self._seconds["act"] += seconds
            self._log.append(
                Outcome(
                    step=self._step,
                    performed=performed,
                    refused=refused,
                    act_seconds=round(seconds, 4),
                )
            )
        if performed:
            self._emit(Performed(step=self._step, actions=actions[:performed], seconds=seconds))
        return refused or ""

    def _after(self, proposals: tuple[Proposal, ...], seen: _Seen, error: str) -> None:
        """Is the episode over? Asked before looking: MiniWoB++ covers a page that has ended."""
        if self._loop._is_over():
            raise _Over(Ending.ENVIRONMENT_OVER, "the task ended")
        if isinstance(proposals[-1], Finish) and not error:
            success = proposals[-1].success
            raise _Over(
                Ending.DONE if success else Ending.FAILED,
                proposals[-1].answer or ("the model says done" if success else "the model gave up"),
            )
        this = (proposals, seen.image)
        self._num_repeats = self._num_repeats + 1 if this == self._last else 1
        self._last = this
        if self._num_repeats >= self._config.max_repeats:
            raise _Over(
                Ending.REPEATED, f"the same action on the same screen {self._num_repeats} times"
            )
