"""The cockpit: screens to run, record, replay and compare, over one session at a time.

It never touches a desktop or a model: those live in the session's process, and what it shows
is what that process reports. So it can be closed, killed and opened again.
"""

import os
import signal
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.app import App, SystemCommand
from textual.binding import Binding
from textual.screen import Screen
from textual.worker import get_current_worker

from agent.doctor import Finding, findings
from agent.reports import (
    Answered,
    Asking,
    Begin,
    Close,
    GoOn,
    Halt,
    Hold,
    OneStep,
    Order,
    Over,
    Reply,
    Report,
    SetMode,
    State,
    Tell,
)
from agent.safety import MODES, Mode
from agent.watch import SessionGone
from ui.approval_screen import ApprovalScreen
from ui.bar import SCREENS
from ui.board import BoardScreen
from ui.connection import Connection, Hung, Reported
from ui.dialogs import ExamplesScreen, HelpScreen, LeaveScreen, Leaving, SetupScreen
from ui.doctor_screen import DoctorScreen
from ui.emergency import stop_hands
from ui.examples import examples
from ui.help_text import help_text
from ui.models_on_disk import ModelOnDisk, folder_of, free_memory, models_below
from ui.models_screen import ModelsScreen
from ui.picture import Graphics
from ui.progress import Progress
from ui.record_screen import RecordScreen
from ui.replay_screen import ReplayScreen
from ui.run_screen import RunScreen
from ui.runner import OPEN_SECONDS, SessionSetup, launch
from ui.task_box import TaskBox, TaskHistory
from ui.themes import DAY, NIGHT

DEMO = "@click-button"


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    sockets: Path
    """Folder of sessions' sockets, only the owner's."""
    history: Path | None
    """File of the tasks typed before; None: they are not kept."""
    runs: Path
    results: Path
    """Of evaluations."""


class Cockpit(App[None]):
    CSS_PATH = "app.tcss"
    TITLE = "Moonhand"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar = [
        Binding("ctrl+k", "halt", "Stop", priority=True),
        Binding("f8", "pause", "Pause", priority=True),
        Binding("f9", "one_step", "Step", priority=True),
        Binding("f10", "take_over", "Take over", priority=True),
        Binding("ctrl+o", "set_up", "Set up", priority=True),
        Binding("ctrl+t", "examples", "Examples", priority=True),
        Binding("f1", "help", "Help", priority=True),
        Binding("question_mark", "help", "Help", show=False),
        Binding("f2", "go('run')", "Run", show=False, priority=True),
        Binding("f3", "go('record')", "Record", show=False, priority=True),
        Binding("f4", "go('replay')", "Replay", show=False, priority=True),
        Binding("f5", "go('board')", "Board", show=False, priority=True),
        Binding("f6", "go('models')", "Models", show=False, priority=True),
        Binding("f7", "go('doctor')", "Doctor", show=False, priority=True),
        Binding("ctrl+q", "leave", "Quit", priority=True),
    ]

    def __init__(
        self,
        places: Places,
        setup: SessionSetup,
        *,
        graphics: Graphics = "blocks",
        attach: Path | None = None,
        max_steps: int = 15,
        theme: str = NIGHT.name,
    ) -> None:
        """
        Args:
            attach: the socket of a session to watch from the start.
            theme: night or day.
        """
        super().__init__()
        self.HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal"), (160, "-wide")]
        self.setup = setup
        self.max_steps = max_steps
        self.progress = Progress()
        self.connection: Connection | None = None
        self._places = places
        self._graphics = graphics
        self._first = attach
        self._first_theme = theme
        self._waiting: Begin | None = None
        """A task for the session that is being opened."""
        self._run_screen = RunScreen(self.progress, TaskHistory(places.history), graphics)
        self._asked_to_stop = 0.0

    def on_mount(self) -> None:
        for theme in (NIGHT, DAY):
            self.register_theme(theme)
        self.theme = self._first_theme
        runs, results = self._places.runs, self._places.results
        self._replay = ReplayScreen(runs, self._graphics)
        self.add_mode("run", lambda: self._run_screen)
        self.add_mode("record", lambda: RecordScreen(runs))
        self.add_mode("replay", lambda: self._replay)
        self.add_mode("board", lambda: BoardScreen(results))
        self.add_mode("models", lambda: ModelsScreen(self._models))
        self.add_mode("doctor", lambda: DoctorScreen(self._findings))
        self.switch_mode("run")
        if self._first is not None:
            self.connect(self._first)

    def on_unmount(self) -> None:
        if self.connection is not None:
            self.connection.close()

    def connect(self, path: Path) -> None:
        """Watch a session that is there."""
        try:
            self.connection = Connection(self, path)
        except SessionGone as error:
            self.notify(str(error), severity="error")

    def order(self, order: Order) -> None:
        if self.connection is None or not self.connection.order(order):
            self.notify("There is no session.", severity="warning")

    def on_reported(self, message: Reported) -> None:
        report = message.report
        self.progress.take(report)
        if isinstance(report, State) and report.mood == "ready" and self._waiting is not None:
            self.order(self._waiting)
            self._waiting = None
        if self._run_screen.is_mounted:
            self._run_screen.take(report)
        self._follow_question(report)

    def on_hung(self, message: Hung) -> None:
        self.connection = None
        self._close_question()
        trouble = self.progress.trouble or _last_words(message.path)
        if self.progress.is_busy or trouble:
            self.progress.trouble = trouble or "the session's process died; the run's log is whole"
        self.progress.opened = self.progress.state = None
        self.progress.glimpse = b""
        self._run_screen.draw()
        self.refresh_bindings()

    def on_task_box_sent(self, message: TaskBox.Sent) -> None:
        if self.progress.is_busy:
            if message.text:
                self.order(Tell(text=message.text))
                self.notify("The agent reads it before its next step.")
            return
        if message.text or self.progress.began is None:
            self.begin(message.text or DEMO)

    def begin(self, instruction: str) -> None:
        """In the session there is, or in a new one."""
        task = Begin(instruction=instruction, max_steps=self.max_steps)
        self.progress.trouble = ""
        if self.connection is not None:
            self.order(task)
            return
        self._waiting = task
        self.notify("Opening a desktop and the model...")
        self._open_session()

    @work(thread=True, exclusive=True)
    def _open_session(self) -> None:
        path = launch(self.setup, self._places.sockets)
        until = time.monotonic() + OPEN_SECONDS
        while time.monotonic() < until and not get_current_worker().is_cancelled:
            if path.exists():
                self.call_from_thread(self.connect, path)
                return
            time.sleep(0.05)
        self.post_message(Hung(path))

    def action_halt(self) -> None:
        """Never waits. A second time, when the first was not heard: ends the process."""
        if self.connection is None:
            return
        now = time.monotonic()
        again = self._asked_to_stop and now - self._asked_to_stop > 1.0
        if again and self.progress.is_busy and self.progress.opened is not None:
            os.killpg(self.connection.peer_pid, signal.SIGKILL)
            return
        self._asked_to_stop = self._asked_to_stop or now
        stop_hands(self.connection.peer_pid, "stopped by the user")
        self.order(Halt())
        self.set_timer(2.0, self._say_if_unheard)

    def _say_if_unheard(self) -> None:
        if self.progress.is_busy:
            self.notify(
                "It does not answer; nothing more is done. ctrl+k again ends its process.",
                severity="warning",
                timeout=8.0,
            )
        else:
            self._asked_to_stop = 0.0

    def action_pause(self) -> None:
        self.order(GoOn() if self.progress.is_paused else Hold())

    def action_one_step(self) -> None:
        self.order(OneStep())

    def action_take_over(self) -> None:
        self.order(GoOn() if self.progress.is_paused else Hold(takeover=True))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        busy = self.progress.is_busy
        match action:
            case "halt" | "pause" | "one_step" | "take_over":
                return busy
            case "set_up":
                return not busy
            case "examples":
                return not busy and self.screen is self._run_screen
            case "go":
                return not isinstance(self.screen, ApprovalScreen)
            case _:
                return True

    def action_go(self, mode: str) -> None:
        if mode == "replay":
            self._replay.go_home()
        self.switch_mode(mode)

    def action_set_up(self) -> None:
        def done(result: tuple[SessionSetup, int] | None) -> None:
            if result is not None:
                self._set_up(*result)

        if not isinstance(self.screen, SetupScreen):
            self.push_screen(
                SetupScreen(
                    self.setup,
                    self.max_steps,
                    [each.name for each in models_below(self._model_folders())],
                ),
                done,
            )

    def _set_up(self, setup: SessionSetup, max_steps: int) -> None:
        before, self.setup, self.max_steps = self.setup, setup, max_steps
        if self.connection is None:
            return
        if setup.mode != before.mode:
            self.order(SetMode(mode=setup.mode))
        # Another desktop or model is another session.
        if replace(setup, mode=before.mode) != before:
            self.order(Close())
            self.connection.close()
            self.connection = None

    def _models(self) -> tuple[list[ModelOnDisk], int]:
        return models_below(self._model_folders()), free_memory()

    def _findings(self) -> Iterator[Finding]:
        return findings(os.environ, self.setup.model, self._places.runs, folder_of)

    def _model_folders(self) -> tuple[Path, ...]:
        return tuple(self._places.runs.parent / name for name in ("checkpoints", "models"))

    def on_models_screen_chosen(self, message: ModelsScreen.Chosen) -> None:
        if self.progress.is_busy:
            self.notify("A task is being done; stop it first.", severity="warning")
            return
        self._set_up(replace(self.setup, model=message.name), self.max_steps)
        self.notify(f"The next task is done by {message.name}.")
        self.action_go("run")

    def on_board_screen_replay(self, message: BoardScreen.Replay) -> None:
        outcome = message.outcome
        if outcome.run is not None:
            self._replay.look_at(outcome.run.parent, outcome.task, outcome.seed)
            self.switch_mode("replay")

    def action_examples(self) -> None:
        def done(text: str | None) -> None:
            if text is not None:
                self._run_screen.query_one(TaskBox).put(text)

        if self.screen is self._run_screen:
            self.push_screen(ExamplesScreen(examples(self.setup.desktop)), done)

    def action_help(self) -> None:
        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(help_text()))

    def action_leave(self) -> None:
        def done(leaving: Leaving | None) -> None:
            match leaving:
                case "stop it":
                    self.order(Close())
                    self._leave()
                case "leave it":
                    self._leave()

        if self.progress.is_busy:
            if not isinstance(self.screen, LeaveScreen):
                self.push_screen(LeaveScreen(), done)
            return
        if self.connection is not None:
            self.order(Close())
        self._leave()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        for mode, name, _ in SCREENS:
            yield SystemCommand(f"Go to {name}", "", lambda mode=mode: self.action_go(mode))
        for ask in MODES:
            yield SystemCommand(
                f"Ask: {ask}", "Before which actions you are asked", lambda ask=ask: self._ask(ask)
            )
        yield from super().get_system_commands(screen)

    def _ask(self, mode: Mode) -> None:
        self.setup = replace(self.setup, mode=mode)
        if self.connection is not None:
            self.order(SetMode(mode=mode))

    def _follow_question(self, report: Report) -> None:
        match report:
            case Asking():
                self.action_go("run")
                self.push_screen(ApprovalScreen(report, self._graphics), self._answered)
                self.bell()
            case Answered() | Over():
                self._close_question()
            case _:
                pass

    def _answered(self, reply: Reply | None) -> None:
        if reply is not None:
            self.order(reply)

    def _close_question(self) -> None:
        """Somebody else answered, or nobody did in time."""
        for screen in self.screen_stack:
            if isinstance(screen, ApprovalScreen):
                screen.close_question()

    def _leave(self) -> None:
        for screen in self.screen_stack:
            if isinstance(screen, RecordScreen):
                screen.end_with_app()
        self.exit()


def _last_words(socket: Path) -> str:
    """What a session's process complained about before it died; empty if of nothing."""
    complaints = socket.with_suffix(".log")
    if not complaints.is_file():
        return ""
    lines = complaints.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1].removeprefix("error: ") if lines else ""
