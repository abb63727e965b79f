"""MiniWoB++ episodes: the loop on a task's page, and which seeds are whose.

The native time limits are off (`env.miniwob.page`), rewards are the page's raw
ones, and what acts sees pixels and the instruction.
"""

import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from agent.approval import Approver
from agent.chronicle import EpisodeLog
from agent.control import Control
from agent.errors import PolicyFailed
from agent.events import Emit, EpisodeResult, nobody
from agent.loop import Loop, LoopConfig, Score, no_advice, nothing_said
from agent.policy import ExpertPolicy, Policy
from agent.prompts import NANO, PromptStyle
from env.desktop import Desktop
from env.errors import DesktopLost, PageBroken, UnknownTask
from env.miniwob.experts.registry import Move, expert_for, expert_tasks
from env.miniwob.page import MiniWobPage
from env.miniwob.tasks import LEFT_OUT, PIX2ACT_59, TASKS, UNREGISTERED
from env.screen import ScreenSize
from model.messages import Sampling

FIRST_EVALUATION_SEED = 10_000_000
"""Collected data has seeds below 1,000,000 and evaluations from here on: they never meet."""
NUM_TRAINING_SEEDS = 1_000_000
SEEDS_A_ROUND = 1_000
"""A round of evaluation, `--seed S`, has the seeds from FIRST + S * SEEDS_A_ROUND."""
MAX_ANSWER_TOKENS = 256
"""An answer has about 50, a long text to type 200; a network that runs on is cut short."""

_TWO_FRAMES = """() => new Promise(done => {
  setTimeout(done, 500);
  requestAnimationFrame(() => requestAnimationFrame(done));
})"""
"""Resolves when the page has been painted, or in half a second if nobody shows it."""

DEMO_TASKS = (
    "click-test",
    "click-tab",
    "click-widget",
    "click-button",
    "click-dialog-2",
    "enter-date",
    "grid-coordinate",
    "identify-shape",
    "circle-center",
    "navigate-tree",
    "click-collapsible-nodelay",
    "use-colorwheel",
)
"""One of each kind, for showing."""


def loop_config(max_steps: int = 30, style: PromptStyle = NANO) -> LoopConfig:
    """How these pages are worked, in collecting, evaluating and showing alike."""
    return LoopConfig(
        max_steps=max_steps,
        style=style,
        # Published scores are of agents that click at what they saw.
        look_again=0,
        sampling=Sampling(max_new_tokens=MAX_ANSWER_TOKENS),
    )


class Job(NamedTuple):
    """One episode to run."""

    task: str
    seed: int


def evaluation_jobs(tasks: tuple[str, ...], num_episodes: int, seed: int) -> list[Job]:
    """Every task with the same unseen seeds, task by task.

    Raises:
        ValueError: more episodes than a round has seeds, or a negative round.
    """
    if not 1 <= num_episodes <= SEEDS_A_ROUND or seed < 0:
        raise ValueError(
            f"{num_episodes} episodes of round {seed}; expected 1 to {SEEDS_A_ROUND} and 0 or more"
        )
    first = FIRST_EVALUATION_SEED + seed * SEEDS_A_ROUND
    return [Job(task, first + number) for task in tasks for number in range(num_episodes)]


def training_jobs(tasks: tuple[str, ...], num_episodes: int, first_seed: int) -> list[Job]:
    """Every task with seeds `first_seed`, `first_seed` + 1, ...

    Raises:
        ValueError: a seed an evaluation may use.
    """
    if num_episodes < 1 or first_seed < 0 or first_seed + num_episodes > NUM_TRAINING_SEEDS:
        raise ValueError(
            f"seeds {first_seed} to {first_seed + num_episodes - 1};"
            f" expected 0 to {NUM_TRAINING_SEEDS - 1}, evaluations have the others"
        )
    return [Job(task, first_seed + number) for task in tasks for number in range(num_episodes)]


TASK_SETS: Mapping[str, Callable[[], tuple[str, ...]]] = {
    "pix2act59": lambda: PIX2ACT_59,
    "all": lambda: TASKS,
    "registered": lambda: tuple(task for task in TASKS if task not in UNREGISTERED),
    "experts": expert_tasks,
    "trained": lambda: tuple(task for task in expert_tasks() if task not in LEFT_OUT),
    "left-out": lambda: LEFT_OUT,
}


def tasks_named(names: str) -> tuple[str, ...]:
    """The tasks of a set, or of names with commas.

    Args:
        names: pix2act59; all (130); registered (by Farama, 125); experts (what can be
            demonstrated), of which trained are those nano learns from, left-out those it does not.

    Raises:
        UnknownTask: a name that is none of the 130.
    """
    if names in TASK_SETS:
        return TASK_SETS[names]()
    chosen = tuple(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
    for name in chosen:
        if name not in TASKS:
            raise UnknownTask(
                f"no MiniWoB++ task named {name!r}; expected {', '.join(TASK_SETS)} or names"
                f" from the 130, e.g. {_near(name)}"
            )
    if not chosen:
        raise UnknownTask(f"no task named; expected {', '.join(TASK_SETS)} or names with commas")
    return chosen


class MiniWob:
    """A page and the desktop it is seen on; runs one episode after another."""

    def __init__(self, page: MiniWobPage, desktop: Desktop, log: EpisodeLog) -> None:
        self._page = page
        self._desktop = desktop
        self._log = log

    @property
    def size(self) -> ScreenSize:
        return self._desktop.size

    @property
    def page(self) -> MiniWobPage:
        """For experts and labels; what acts never sees it."""
        return self._page

    def expert(self) -> "PageExpert":
        """The expert of whatever task the page shows."""
        return PageExpert(self._page, self.size)

    def run(
        self,
        job: Job,
        policy: Policy,
        config: LoopConfig,
        *,
        emit: Emit = nobody,
        advisor: Callable[[], str | None] = no_advice,
        labeller: Callable[[], str | None] = no_advice,
        control: Control | None = None,
        reload: bool = True,
        instruction: str = "",
        approver: Approver | None = None,
        hear: Callable[[], Sequence[str]] = nothing_said,
    ) -> EpisodeResult:
        """One episode.

        Args:
            reload: load the page anew, so that nothing of an earlier episode shows; 0.2 s.
            instruction: in place of the page's own.
            approver, hear: as of the `Loop`.

        Raises:
            DesktopLost: the page could not be opened.
            OSError: the log cannot be written.
        """
        asked_for = self._begin(job, reload=reload)
        loop = Loop(
            policy,
            self._desktop,
            self._log,
            config,
            emit,
            is_over=self._is_over,
            judge=self._judge,
            advisor=advisor,
            labeller=labeller,
            control=control,
            approver=approver,
            hear=hear,
        )
        return loop.run(instruction or asked_for, task=job.task, seed=job.seed)

    def _begin(self, job: Job, *, reload: bool) -> str:
        try:
            if self._page.task != job.task:
                self._page.open(job.task)
                reload = False
            instruction = self._page.reset(job.seed, reload=reload)
            # In a window the cover of the reset is in sight until the next frames are drawn.
            self._page.evaluate(_TWO_FRAMES)
        except PageBroken as error:
            raise DesktopLost(str(error)) from error
        return instruction

    def _is_over(self) -> bool:
        try:
            return self._page.is_over()
        except PageBroken as error:
            raise DesktopLost(str(error)) from error

    def _judge(self) -> Score:
        try:
            outcome = self._page.outcome()
        except PageBroken as error:
            return Score(None, str(error))
        if not outcome.done:
            return Score(0.0, "the task did not end")
        return Score(outcome.raw_reward, outcome.reason or "")


class PageExpert(ExpertPolicy):
    """Looks up the expert when asked, since the page's task changes between episodes."""

    def __init__(self, page: MiniWobPage, size: ScreenSize) -> None:
        super().__init__(self._look, size)
        self._page = page

    def _look(self) -> Move:
        assert self._page.task is not None, "asked before a task was opened"
        return expert_for(self._page.task)(self._page)

    def advise(self) -> str | None:
        """What it would do now; None where it is lost or the task has no expert."""
        try:
            return self.answer()
        except PolicyFailed:
            return None


def _near(name: str) -> str:
    return ", ".join(difflib.get_close_matches(name, TASKS, n=4)) or "click-button"
