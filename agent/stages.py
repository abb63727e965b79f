"""What a scripted task offers whoever runs it: a screen in the task's first state, and a judge.

`agent.task_runs` runs a task on a stage, whatever it is made of: OSWorld's
files on a virtual desktop (`agent.desktop_stages`), or a form in memory
(`agent.form_stages`), which takes no time.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from agent.policy import Policy
from env.desktop import Desktop


class TaskJob(NamedTuple):
    """One task to run; travels to another process or machine by value."""

    domain: str
    task: str
    attempt: int = 0
    source: str = ""
    """Where its suite finds it: a path, for those that are files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    score: float | None
    """In [0, 1] for nearly all metrics; None: it could not be judged."""
    reason: str = ""
    parts: tuple[Mapping[str, Any], ...] = ()
    """What each check found, as plain values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFacts:
    """What a result should tell of its task besides the score."""

    instruction: str
    digest: str = ""
    """Of the task's file: suites are edited in place."""
    applications: tuple[str, ...] = ()
    infeasible: bool = False
    more: Mapping[str, Any] = field(default_factory=dict)


class Stage(Protocol):
    """One task's world, for one episode. Used by the thread that opened it."""

    @property
    def desktop(self) -> Desktop: ...
    @property
    def facts(self) -> TaskFacts: ...

    def prepare(self) -> None:
        """Bring it into the task's first state, the screen at rest.

        Raises:
            EnvError: it cannot be; the task is not scored.
        """

    def finish(self) -> None:
        """Make it ready to be judged (OSWorld's postconfig). Raises: as `prepare`."""

    def judge(self, last_action: str | None) -> Verdict:
        """
        Args:
            last_action: "FAIL" or "DONE" if the agent ended so; None: it did not.
        """

    def oracle(self) -> Policy:
        """What solves it. Raises: PolicyFailed: nobody wrote it."""


OpenStage = Callable[[TaskJob, Path], AbstractContextManager[Stage]]
"""Opens the stage of a job; it may keep files in the folder while it is open. Sent to other
processes by value: a frozen dataclass with `__call__`."""
