"""OSWorld's tasks on a virtual desktop: one of its own for each task, gone with it.

OSWorld's virtual machine is waited for 60 s before the first look and 20 s
before judging. Here what is waited for is that applications which were started
show a window and that the screen then stands still; the fixed times are only
the most that is waited.
"""

import json
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from agent.action_text import action_text, finish_text
from agent.errors import PolicyFailed
from agent.policy import Policy
from agent.stages import Stage, TaskFacts, TaskJob, Verdict
from env.accessible_tree import AccessibleTree
from env.desktop import Desktop, wait_until_settled
from env.errors import DesktopLost, EnvError, UnknownTask
from env.patient import PatientDesktop, patience
from env.screen import ScreenSize
from env.tasks.errors import TaskRefused
from env.tasks.judge import judge
from env.tasks.machine import Bench
from env.tasks.mirror import Mirror
from env.tasks.sandboxed import TASK_SIZE, SandboxedMachine, task_desktop
from env.tasks.setup import finish, prepare, window_titles
from env.tasks.steps import ChromeOpenTabs, Launch
from env.tasks.suites.desktop.make import make
from env.tasks.suites.desktop.oracles.registry import GiveUp, Move, oracle_named
from env.tasks.suites.desktop.oracles.sight import Sight
from env.tasks.task import Task
from env.virtual import VirtualDesktop
from model.messages import Completion, Message, OnText, Sampling

log = logging.getLogger(__name__)

WINDOW_SECONDS = 15.0
"""Most that is waited for the first window of what was started; `socat` never shows one."""

STILL_SECONDS = 0.8
"""A screen that has not changed for so long is at rest. A splash moves more often than that."""

MOST_STILLER = 2.0
"""Times that, on a busy machine: LibreOffice drew nothing for 0.9 s at a load of 12 on 2 cores."""

START_SECONDS = 60.0
"""Most that is waited for rest, as long as OSWorld waits always."""

_LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class DesktopStages:
    """Opens the stages of OSWorld's task files."""

    mirror: Path | None = None
    """Folder with the files of OSWorld's hub."""
    makes_inputs: bool = False
    """The mirror is our own suite's: what a task needs is made where it is not there yet, on
    every machine that runs one."""
    exact: bool = False
    """Keep the flaws of OSWorld's metrics."""
    size: ScreenSize = TASK_SIZE
    """Of the screen, for tasks that do not name their own."""
    num_desktops: int = 1
    """At work on this machine at once."""

    @contextmanager
    def __call__(self, job: TaskJob, folder: Path) -> Iterator[Stage]:
        """
        Raises:
            TaskRefused: the file is no task.
            DesktopUnavailable: a program is missing.
        """
        task = Task.from_file(Path(job.source))
        if self.makes_inputs and self.mirror is not None:
            make(self.mirror, tasks=[task])
        folder.mkdir(parents=True, exist_ok=True)
        with (
            task_desktop(task.screen or self.size) as desktop,
            SandboxedMachine(desktop) as machine,
            ExitStack() as opened,
        ):
            bench = Bench(
                machine=machine,
                folder=folder,
                mirror=Mirror(self.mirror),
                task_id=task.id,
                beside=task.folder,
                exact=self.exact,
            )
            yield DesktopStage(task, desktop, bench, opened, self.num_desktops)


class DesktopStage:
    """One task on its desktop; borrows both."""

    def __init__(
        self,
        task: Task,
        desktop: VirtualDesktop,
        bench: Bench,
        opened: ExitStack,
        num_desktops: int = 1,
    ) -> None:
        """
        Args:
            opened: closes what is opened on the desktop, before it goes.
        """
        self._task = task
        self._behind = desktop
        self._bench = bench
        self._opened = opened
        self._num_desktops = num_desktops
        self._desktop = PatientDesktop(desktop, num_desktops)

    @property
    def desktop(self) -> Desktop:
        return self._desktop

    @property
    def facts(self) -> TaskFacts:
        task = self._task
        return TaskFacts(
            instruction=task.instruction,
            digest=task.content_hash,
            applications=task.related_apps,
            infeasible=task.evaluator.infeasible,
        )

    def prepare(self) -> None:
        prepare(self._task, self._bench)
        if any(isinstance(step, Launch | ChromeOpenTabs) for step in self._task.config):
            self._wait_for_window()
        slower = patience(self._num_desktops)
        settled = wait_until_settled(
            self._desktop,
            still_seconds=STILL_SECONDS * min(slower, MOST_STILLER),
            ceiling_seconds=START_SECONDS * slower,
        )
        if not settled.still:
            log.info("the screen still moves after %.0f s", START_SECONDS * slower)

    def finish(self) -> None:
        finish(self._task, self._bench)

    def judge(self, last_action: str | None) -> Verdict:
        verdict = judge(self._task, self._bench, last_action)
        return Verdict(
            score=verdict.score,
            reason=verdict.reason,
            parts=tuple(asdict(part) for part in verdict.parts),
        )

    def sight(self) -> Sight:
        """What applications tell of what they show: for oracles and labels, not for a policy."""
        bus = self._behind.session_bus
        assert bus is not None, "a task's desktop has one"
        tree = self._opened.enter_context(closing(AccessibleTree(bus)))
        return Sight(tree, self._behind.size)

    def oracle(self) -> Policy:
        """The one that the task's file names under "oracle"."""
        name = self._task.extra.get("oracle")
        if not isinstance(name, str):
            raise PolicyFailed(f"nobody wrote an oracle for {self._task.id}")
        return OraclePolicy(oracle_named(name)(self.sight()), self._behind.size)

    def _wait_for_window(self) -> None:
        until = time.monotonic() + WINDOW_SECONDS * patience(self._num_desktops)
        while not window_titles(self._bench):
            if time.monotonic() > until:
                log.info("no window after %.0f s", WINDOW_SECONDS)
                return
            time.sleep(_LOOK_SECONDS)


class OraclePolicy:
    """A scripted solver in the model's seat: it sees what applications tell, not the messages."""

    def __init__(self, moves: Iterator[Move | GiveUp], size: ScreenSize) -> None:
        self._moves = moves
        self._size = size

    def complete(
        self, messages: Sequence[Message], *, sampling: Sampling, on_text: OnText | None = None
    ) -> Completion:
        try:
            move = next(self._moves, None)
        except DesktopLost:
            raise
        except EnvError as error:
            raise PolicyFailed(f"the oracle is lost: {error}") from error
        answer = self._answer(move)
        if on_text:
            on_text(answer)
        return Completion(text=answer)

    def _answer(self, move: Move | GiveUp | None) -> str:
        match move:
            case None:
                return finish_text(True, words="The task is done.")
            case GiveUp(words=words, thought=thought):
                return finish_text(False, words=words, thought=thought)
            case Move(action=action, words=words, thought=thought):
                return action_text(action, self._size, words=words, thought=thought)


def osworld_jobs(files: Path, names: str = "", num_attempts: int = 1) -> list[TaskJob]:
    """The tasks of a folder laid out as OSWorld's `evaluation_examples/examples`.

    Args:
        files: that folder, or the one above it.
        names: with commas, each a domain, a task's id (or its beginning), or an index file such
            as `test_small.json`; empty: all.

    Raises:
        UnknownTask: a name that is none of these, or a folder without tasks.
    """
    root = files / "examples" if (files / "examples").is_dir() else files
    found = {path.stem: path for path in sorted(root.glob("*/*.json"))}
    if not found:
        raise UnknownTask(f"no task files in {files}; expected DOMAIN/ID.json, as OSWorld has them")
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    chosen = [path for name in wanted for path in _named(name, found)] if wanted else found.values()
    return [
        TaskJob(path.parent.name, path.stem, attempt, str(path))
        for path in dict.fromkeys(chosen)
        for attempt in range(num_attempts)
    ]


def _named(name: str, found: dict[str, Path]) -> Sequence[Path]:
    if name.endswith(".json"):
        return _indexed(Path(name), found)
    chosen = [path for path in found.values() if path.parent.name == name]
    chosen = chosen or [path for task, path in found.items() if task.startswith(name)]
    if not chosen:
        domains = ", ".join(sorted({path.parent.name for path in found.values()}))
        raise UnknownTask(f"no task or domain named {name!r}; domains: {domains}")
    return chosen


def _indexed(index: Path, found: dict[str, Path]) -> Sequence[Path]:
    """Of an index file: `{"chrome": ["030eeff7-...", ...], ...}`."""
    try:
        listed = json.loads(index.read_bytes())
        tasks = [task for tasks in listed.values() for task in tasks]
    except (ValueError, AttributeError, TypeError) as error:
        raise TaskRefused(f"{index}: expected lists of ids by domain: {error}") from error
    missing = [task for task in tasks if task not in found]
    if missing:
        raise UnknownTask(f"{index} names {len(missing)} tasks without a file, first {missing[0]}")
    return [found[task] for task in tasks]
