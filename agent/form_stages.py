"""A suite that takes no time: what to do on the form of `env.fake`, judged by what the form holds.

For showing the runner and for proving it: its kills, its workers, its tables.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agent.action_text import action_text, finish_text
from agent.policy import Policy, ScriptedPolicy
from agent.stages import Stage, TaskFacts, TaskJob, Verdict
from env.actions import Action, Click, Point, Scroll, TypeText
from env.errors import UnknownTask
from env.fake import BUTTON, CHECK_BOX, FAKE_SIZE, FIELD, LIST, FakeDesktop


@dataclass(frozen=True, slots=True, kw_only=True)
class FormTask:
    instruction: str
    score: Callable[[FakeDesktop], float]
    solution: tuple[Action, ...]
    infeasible: bool = False


def _middle(box: tuple[int, int, int, int]) -> Point:
    left, top, right, bottom = box
    return Point((left + right) // 2, (top + bottom) // 2)


TASKS = {
    "check": FormTask(
        instruction="Have yourself remembered.",
        score=lambda form: float(form.checked),
        solution=(Click(_middle(CHECK_BOX)),),
    ),
    "save-twice": FormTask(
        instruction="Press the button twice.",
        score=lambda form: min(form.num_presses, 2) / 2,
        solution=(Click(_middle(BUTTON)), Click(_middle(BUTTON))),
    ),
    "name": FormTask(
        instruction="Write Ada into the field.",
        score=lambda form: float(form.text == "Ada"),
        solution=(Click(_middle(FIELD)), TypeText("Ada")),
    ),
    "scroll": FormTask(
        instruction="Scroll the list down by three rows.",
        score=lambda form: float(form.first_row == 3),
        solution=(Scroll(_middle(LIST), -3),),
    ),
    "print": FormTask(
        instruction="Print the form.",
        score=lambda form: 0.0,
        solution=(),
        infeasible=True,
    ),
}
DOMAIN = "form"


def form_jobs(num_attempts: int = 1) -> list[TaskJob]:
    return [TaskJob(DOMAIN, name, attempt) for name in TASKS for attempt in range(num_attempts)]


class FormStage:
    def __init__(self, task: FormTask, seconds: float = 0.0) -> None:
        self._task = task
        self._seconds = seconds
        self._form = FakeDesktop()
        self.facts = TaskFacts(
            instruction=task.instruction, infeasible=task.infeasible, applications=("form",)
        )

    @property
    def desktop(self) -> FakeDesktop:
        return self._form

    def prepare(self) -> None:
        time.sleep(self._seconds)

    def finish(self) -> None:
        time.sleep(self._seconds)

    def judge(self, last_action: str | None) -> Verdict:
        if self._task.infeasible or last_action == "FAIL":
            gave_up = self._task.infeasible and last_action == "FAIL"
            return Verdict(score=float(gave_up))
        return Verdict(score=self._task.score(self._form))

    def oracle(self) -> Policy:
        answers = [action_text(step, FAKE_SIZE, words="Do it.") for step in self._task.solution]
        ending = finish_text(not self._task.infeasible, words="It is over.")
        return ScriptedPolicy([*answers, ending])


@dataclass(frozen=True, slots=True)
class FormStages:
    """Opens the stages of this suite."""

    seconds: float = 0.0
    """That setting up and judging take, each: applications would."""

    @contextmanager
    def __call__(self, job: TaskJob, folder: Path) -> Iterator[Stage]:
        """Raises: UnknownTask."""
        if job.task not in TASKS:
            raise UnknownTask(f"no form task named {job.task!r}; expected {', '.join(TASKS)}")
        stage = FormStage(TASKS[job.task], self.seconds)
        with stage.desktop:
            yield stage
