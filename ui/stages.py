"""Where a session's tasks are done: a desktop as it stands, or the practice pages.

On the practice pages (MiniWoB++ in a browser window on a virtual desktop) a task is either a
page's own, asked for as `@click-button` (another page each time) or `@click-button 7` (always the
same), or the user's words for the page that is open.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Protocol

from agent.events import EpisodeResult
from agent.loop import Loop, LoopConfig
from agent.miniwob import (
    DEMO_TASKS,
    SEEDS_A_ROUND,
    Job,
    MiniWob,
    evaluation_jobs,
    tasks_named,
)
from agent.policy import Policy
from agent.reports import Begin
from agent.session import Session
from env.desktop import Desktop
from env.headed import HeadedBrowser
from env.miniwob.page import TASK_SIZE, MiniWobPage, html_folder
from env.real import RealSettings
from env.viewport import Viewport
from env.virtual import VirtualDesktop
from trajectories.store import RunStore
from ui.desktops import worked_desktop

PRACTICE = "practice"
PAGE_MARK = "@"
_ROUND = 901
"""Of evaluation seeds: unseen, and not those of the demo."""


class Stage(Protocol):
    def play(
        self, task: Begin, policy: Policy, store: RunStore, config: LoopConfig, session: Session
    ) -> EpisodeResult: ...


class DesktopStage:
    def __init__(self, desktop: Desktop) -> None:
        self._desktop = desktop

    def play(
        self, task: Begin, policy: Policy, store: RunStore, config: LoopConfig, session: Session
    ) -> EpisodeResult:
        loop = Loop(
            policy,
            self._desktop,
            store,
            config,
            session.emit,
            control=session.control,
            approver=session.gate,
            hear=session.hear,
        )
        return loop.run(task.instruction)


class PracticeStage:
    def __init__(self, page: MiniWobPage, desktop: Desktop) -> None:
        self._page = page
        self._desktop = desktop
        self._task = DEMO_TASKS[0]
        self._num_played = 0

    def play(
        self, task: Begin, policy: Policy, store: RunStore, config: LoopConfig, session: Session
    ) -> EpisodeResult:
        words, number = task.instruction, self._num_played
        if words.startswith(PAGE_MARK):
            name, _, wanted = words.removeprefix(PAGE_MARK).strip().partition(" ")
            (self._task,) = tasks_named(name)
            words, number = "", _page_number(wanted, number)
        first = evaluation_jobs((self._task,), 1, _ROUND)[0]
        job = Job(self._task, first.seed + number)
        self._num_played += 1
        return MiniWob(self._page, self._desktop, store).run(
            job,
            policy,
            replace(config, max_steps=task.max_steps),
            emit=session.emit,
            control=session.control,
            approver=session.gate,
            hear=session.hear,
            instruction=words,
        )


def _page_number(wanted: str, otherwise: int) -> int:
    if not wanted:
        return otherwise
    if not wanted.isdecimal() or int(wanted) >= SEEDS_A_ROUND:
        raise ValueError(f"page {wanted!r}; expected a number below {SEEDS_A_ROUND}")
    return int(wanted)


@contextmanager
def open_stage(
    kind: str, url: str | None, *, sandbox: bool, network: bool, real: RealSettings
) -> Iterator[Stage]:
    """
    Args:
        kind: practice, or a desktop's name (`env.backends`).
        url: a page to open first, in a browser.

    Raises:
        DesktopUnavailable, ValueError: as `open_desktop`.
    """
    if kind == PRACTICE:
        with (
            VirtualDesktop(shown=(html_folder(),), sandbox=sandbox) as desktop,
            HeadedBrowser(desktop) as browser,
        ):
            window = Viewport(desktop, browser.part(TASK_SIZE))
            yield PracticeStage(MiniWobPage(browser.page), window)
        return
    with worked_desktop(kind, url, sandbox=sandbox, network=network, real=real) as screen:
        yield DesktopStage(screen)
