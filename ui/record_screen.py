"""A demonstration of yours: recorded, looked through, kept or not.

The recording runs in a process of its own (`main.py record`): it listens to a display, and what it
holds back must never pass through a screen. This screen shows its lines and takes its questions.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import Screen
from textual.widgets import Button, Input, Label, Select, Static

from ui.bar import Bar
from ui.keys import Keys
from ui.runner import MAIN

_DESKTOPS = (
    ("this X11 session, while you work in it", "real"),
    ("a desktop of its own (nobody sees it)", "virtual"),
)
_KEPT_LINES = 400

ABOUT = """\
[b]Show it how[/b]

You do a task; mouse, keys and pictures are kept, and it learns from them.

[dim]A red line runs round the screen while it records.[/]
[$accent]ctrl+shift+f9[/] [dim]pauses,[/] [$accent]ctrl+shift+f10[/] [dim]ends.[/]

[dim]Passwords it can tell are never written down. Afterwards you see every
step, delete or reword some, or discard it all.[/]"""


class RecordScreen(Screen[None]):
    BINDINGS: ClassVar = [
        Binding("ctrl+r", "start", "Record", priority=True),
        Binding("ctrl+e", "end", "End", priority=True),
    ]

    def __init__(self, runs: Path) -> None:
        super().__init__()
        self._runs = runs
        self._process: subprocess.Popen[bytes] | None = None
        self._told = ""

    def compose(self) -> ComposeResult:
        yield Bar("record")
        with Horizontal(id="record"):
            with VerticalScroll(id="record-form", can_focus=False):
                yield Static(ABOUT)
                yield Label("What will you do?")
                yield Input(placeholder="Rename the file", compact=True, id="record-task")
                yield Label("Where")
                yield Select(
                    _DESKTOPS, value="real", allow_blank=False, compact=True, id="record-desktop"
                )
                yield Label("Never keep text like this (a regular expression)")
                yield Input(compact=True, id="record-exclude")
                with Horizontal(classes="buttons"):
                    yield Button("Record", id="record-start", variant="primary")
                    yield Button("End", id="record-end", disabled=True)
            with Vertical(id="record-side"):
                with VerticalScroll(id="record-room", can_focus=False):
                    yield Static("", id="record-lines", markup=False)
                yield Input(placeholder="answer", compact=True, id="record-answer", disabled=True)
        yield Keys()

    def on_mount(self) -> None:
        self.query_one("#record-task").focus()

    @property
    def is_recording(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        match action:
            case "start":
                return not self.is_recording
            case "end":
                return self.is_recording
            case _:
                return True

    def action_start(self) -> None:
        task = self.query_one("#record-task", Input).value.strip()
        if not task:
            self.notify("Say first what you will do.", severity="warning")
            self.query_one("#record-task").focus()
            return
        command = [
            *(sys.executable, str(MAIN), "record", f"--out={self._runs}", f"--task={task}"),
            f"--desktop={self.query_one('#record-desktop', Select).value}",
        ]
        if exclude := self.query_one("#record-exclude", Input).value:
            command.append(f"--exclude={exclude}")
        self._told = ""
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        self._listen(self._process)
        self._show_state()

    def action_end(self) -> None:
        """As Ctrl-C in a terminal: the recording ends in good order and asks what to keep."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "record-start":
            self.action_start()
        else:
            self.action_end()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.input.id == "record-task":
            self.action_start()
        elif event.input.id == "record-answer" and self.is_recording:
            assert self._process is not None
            assert self._process.stdin is not None
            self._process.stdin.write(f"{event.value}\n".encode())
            self._process.stdin.flush()
            self._tell(f"{event.value}\n")
            event.input.value = ""

    @work(thread=True, exclusive=True)
    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        with process:
            # Not by lines: a question ends without one.
            while piece := os.read(process.stdout.fileno(), 4096):
                self.app.call_from_thread(self._tell, piece.decode(errors="replace"))
        self.app.call_from_thread(self._show_state)

    def _tell(self, text: str) -> None:
        lines = (self._told + text).splitlines(keepends=True)[-_KEPT_LINES:]
        self._told = "".join(lines)
        self.query_one("#record-lines", Static).update(self._told)
        self.query_one("#record-room", VerticalScroll).scroll_end(animate=False)

    def _show_state(self) -> None:
        recording = self.is_recording
        self.query_one("#record-start", Button).disabled = recording
        self.query_one("#record-end", Button).disabled = not recording
        answer = self.query_one("#record-answer", Input)
        answer.disabled = not recording
        if recording:
            answer.focus()
        self.refresh_bindings()

    def end_with_app(self) -> None:
        """The app ends: what was recorded so far is on disk, and unreviewed."""
        if self.is_recording:
            self.action_end()
