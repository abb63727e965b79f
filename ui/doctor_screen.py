"""Is everything here that is needed, and if not, what mends it."""

from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import Screen
from textual.widgets import DataTable, Footer, Static

from ui.bar import Bar
from ui.checks import Finding, findings


class DoctorScreen(Screen[None]):
    BINDINGS: ClassVar = [
        Binding("r", "check", "Check again"),
        Binding("y", "copy", "Copy what mends it"),
    ]

    def __init__(self, runs: Path) -> None:
        super().__init__()
        self._runs = runs
        self.found: list[Finding] = []

    def compose(self) -> ComposeResult:
        yield Bar("doctor")
        with Vertical(id="doctor"):
            yield Static("", id="verdict")
            yield DataTable(id="findings", cursor_type="row")
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        table = self.query_one("#findings", DataTable)
        for column in ("", "what", "seen", "what mends it"):
            table.add_column(column)
        table.focus()

    def on_screen_resume(self) -> None:
        self.action_check()

    def action_check(self) -> None:
        self._look()

    @work(thread=True, exclusive=True)
    def _look(self) -> None:
        self.app.call_from_thread(self._show, list(findings(self._runs)))

    def _show(self, found: list[Finding]) -> None:
        theme = self.app.current_theme
        self.found = found
        table = self.query_one("#findings", DataTable)
        table.clear()
        for each in found:
            colour = (theme.success if each.good else theme.error) or ""
            table.add_row(
                Text("●" if each.good else "✕", style=colour),
                Text(each.name),
                Text(each.seen, style=theme.secondary or ""),
                Text(each.mend, style=theme.accent or ""),
            )
        bad = sum(not each.good for each in found)
        self.query_one("#verdict", Static).update(
            "[b]All is well.[/b]" if not bad else f"[b]{bad} of {len(found)} want mending.[/b]"
        )

    def action_copy(self) -> None:
        row = self.query_one("#findings", DataTable).cursor_row
        if 0 <= row < len(self.found) and self.found[row].mend:
            self.app.copy_to_clipboard(self.found[row].mend)
            self.notify(self.found[row].mend, title="Copied")
