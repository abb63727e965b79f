"""One episode: look, ask, write down what is meant, act, wait until the screen settles.

Nothing is performed before its intent is in the log. The steps are in
`agent.episode`; here is what an episode is given, and how it begins and ends.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from agent.approval import Approver
from agent.chronicle import Chronicle, EpisodeLog
from agent.control import Control
from agent.episode import Episode, Over
from agent.events import Emit, Ending, EpisodeResult, nobody
from agent.policy import Policy
from agent.prompts import NANO, PromptStyle
from env.desktop import Desktop
from env.errors import DesktopLost
from model.messages import Sampling
from trajectories.reading import Episode as EpisodeRecord

OTHER_ANSWERS = 2
"""Where nobody measures what a network does by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopConfig:
    max_steps: int = 15
    """Answers asked for before the episode is ended."""
    max_repeats: int = 5
    """The same action on the same screen this often in a row ends the episode."""
    other_answers: int = 0
    """So many are drawn at random, at most, in place of one that would do again what was done on
    this very screen: a network that answers the same to the same goes round in circles."""
    max_unparseable: int = 3
    """Unusable answers in a row that end the episode."""
    style: PromptStyle = NANO
    sampling: Sampling = field(default_factory=Sampling)
    look_again: int = 2
    """So often in a row a click is held back because its target looks otherwise than when the
    model saw it; then it is done all the same, since some targets never stand still. 0: never."""
    settle_ceiling_seconds: float = 1.0
    """A screen still changing after this long is looked at as it is."""

    def __post_init__(self) -> None:
        for name in ("max_steps", "max_repeats", "max_unparseable"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} of {getattr(self, name)}; expected at least 1")
        for name in ("look_again", "other_answers"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} of {getattr(self, name)}; expected at least 0")

    def settings(self) -> dict[str, Any]:
        """For the RUN record."""
        return {**asdict(self), "style": self.style.name}


class Score(NamedTuple):
    value: float | None
    """In [-1, 1]; None: could not be judged."""
    reason: str = ""


def never() -> bool:
    return False


def unscored() -> Score:
    return Score(None)


def nothing_said() -> Sequence[str]:
    return ()


def no_advice() -> str | None:
    return None


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
        control: Control | None = None,
        approver: Approver | None = None,
        hear: Callable[[], Sequence[str]] = nothing_said,
    ) -> None:
        """
        Args:
            is_over: the task's own end, asked after every action.
            judge: asked once, after the end; not if the desktop is lost.
            advisor: what an expert would answer to the screen of now; logged, never performed.
            labeller: what can be read on the screen of now, as JSON; logged for training.
            control: through which it is stopped and paused; None: nobody does.
            approver: asked before an intent is written, in the thread of the episode; None: what
                may be done is bounded by the desktop alone.
            hear: what a person has said to the policy since the last time; asked before a look
                at the screen, from the second step on.
        """
        self.policy = policy
        self.desktop = desktop
        self.log = log
        self.config = config
        self.emit = emit
        self.is_over = is_over
        self.judge = judge
        self.advisor = advisor
        self.labeller = labeller
        self.control = control or Control()
        self.approver = approver
        self.hear = hear

    def run(
        self, instruction: str, *, task: str = "free", seed: int | None = None
    ) -> EpisodeResult:
        """One episode from the screen as it is now, with everything in the log.

        Raises:
            OSError: the log cannot be written. The run is over; nothing more was performed.
        """
        chronicle = Chronicle(self.log, self.emit)
        chronicle.started(task=task, seed=seed, instruction=instruction, size=self.desktop.size)
        return self._finish(Episode(self, chronicle, instruction), task, seed)

    def resume(self, interrupted: EpisodeRecord) -> EpisodeResult:
        """Go on with an episode whose process died: the same history, the screen as it is now.

        What was meant last and may have been performed is told to the policy, never done again.

        Args:
            interrupted: the last of the log that is written to.

        Raises:
            ValueError: it ended in good order.
            OSError: as `run`.
        """
        start = interrupted.start
        if interrupted.end is not None:
            raise ValueError(
                f"{interrupted.name} ended ({interrupted.end.ending}); nothing is left"
            )
        chronicle = Chronicle(self.log, self.emit)
        chronicle.resumed(
            task=start.task, seed=start.seed, instruction=start.instruction, size=self.desktop.size
        )
        episode = Episode(self, chronicle, start.instruction)
        episode.recall(interrupted)
        return self._finish(episode, start.task, start.seed)

    def _finish(self, episode: Episode, task: str, seed: int | None) -> EpisodeResult:
        over = episode.play()
        score = self._score(over)
        result = EpisodeResult(
            task=task,
            seed=seed,
            ending=over.ending,
            num_steps=episode.step,
            score=score.value,
            reason=score.reason or over.reason,
            seconds=episode.chronicle.seconds(),
        )
        episode.chronicle.ended(result)
        return result

    def _score(self, over: Over) -> Score:
        if over.ending is Ending.DESKTOP_LOST:
            return Score(None)
        try:
            return self.judge()
        except DesktopLost as error:
            return Score(None, str(error))
