"""What this machine can do, and what mends the rest: `main.py doctor` as a screen."""

from collections.abc import Callable, Iterable
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.message import Message
from textual.screen import Screen
from textual.widgets import DataTable, Static
from textual.worker import get_current_worker

from agent.doctor import Finding, State, verdict
from ui.bar import Bar
from ui.keys import Keys

_VERDICTS = {
    State.GOOD: "[b]All is well.[/b]",
    State.LACKING: "[b]It works; not everything can be done.[/b]",
    State.BROKEN: "[b]Something must be mended first.[/b]",
}


class DoctorScreen(Screen[None]):
    BINDINGS: ClassVar = [
        Binding("r", "check", "Check again"),
        Binding("y", "copy", "Copy what mends it"),
    ]

    class Found(Message):
        """One check more; None: that was the last."""

        def __init__(self, finding: Finding | None) -> None:
            super().__init__()
            self.finding = finding

    def __init__(self, look: Callable[[], Iterable[Finding]]) -> None:
        """
        Args:
            look: gives one finding after another; called in a thread.
        """
        super().__init__()
        self._findings = look
        self.found: list[Finding] = []
        self._is_looking = False

    def compose(self) -> ComposeResult:
        yield Bar("doctor")
        with Vertical(id="doctor"):
            yield Static("", id="verdict")
            yield DataTable(id="findings", cursor_type="row")
        yield Keys()

    def on_mount(self) -> None:
        table = self.query_one("#findings", DataTable)
        for column in ("", "what", "seen", "what mends it"):
            table.add_column(column)
        table.focus()
        self.action_check()

    def action_check(self) -> None:
        """It opens a desktop and a sandbox to see whether they open: one look at a time."""
        if self._is_looking:
            return
        self._is_looking = True
        self.found = []
        self.query_one("#findings", DataTable).clear()
        self.query_one("#verdict", Static).update("Looking...")
        self._look()

    @work(thread=True)
    def _look(self) -> None:
        # Not through the app's thread: it may be gone, and nobody would answer.
        for each in self._findings():
            if get_current_worker().is_cancelled:
                return
            self.post_message(self.Found(each))
        self.post_message(self.Found(None))

    def on_doctor_screen_found(self, message: Found) -> None:
        if message.finding is None:
            self._is_looking = False
            self.query_one("#verdict", Static).update(_VERDICTS[verdict(self.found)])
            return
        each = message.finding
        self.found.append(each)
        theme = self.app.current_theme
        marks = {
            State.GOOD: ("●", theme.success),
            State.LACKING: ("○", theme.warning),
            State.BROKEN: ("✕", theme.error),
        }
        mark, colour = marks[each.state]
        self.query_one("#findings", DataTable).add_row(
            Text(mark, style=colour or ""),
            Text(each.name),
            Text(each.told, style=theme.secondary or ""),
            Text(each.mend, style=theme.accent or ""),
        )

    def action_copy(self) -> None:
        row = self.query_one("#findings", DataTable).cursor_row
        if 0 <= row < len(self.found) and self.found[row].mend:
            self.app.copy_to_clipboard(self.found[row].mend)
            self.notify(self.found[row].mend, title="Copied")
