"""Evaluations, in progress and past: how well, where, and what went wrong."""

import time
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import DataTable, Static

from ui.bar import Bar
from ui.evaluations import Evaluation, Outcome, evaluations, sparkline
from ui.keys import Keys

REFRESH_SECONDS = 3.0
"""Only while an evaluation runs and the board is in sight."""
_BAR_CELLS = 12


class BoardScreen(Screen[None]):
    BINDINGS: ClassVar = [
        Binding("enter", "open", "Replay", show=True),
        Binding("r", "read_again", "Read anew"),
    ]

    class Replay(Message):
        """A failed episode is to be looked at."""

        def __init__(self, outcome: Outcome) -> None:
            super().__init__()
            self.outcome = outcome

    def __init__(self, results: Path) -> None:
        super().__init__()
        self._results = results
        self._evaluations: list[Evaluation] = []
        self._losses: list[Outcome] = []
        self._timer: Timer | None = None

    def compose(self) -> ComposeResult:
        yield Bar("board")
        with Horizontal(id="board"):
            with Vertical(id="evaluations-side"):
                yield DataTable(id="evaluations", cursor_type="row")
                yield Static("", id="running", markup=False)
                yield Static("", id="endings")
            with Vertical(id="groups-side"):
                yield Static("", id="board-head")
                yield DataTable(id="groups", cursor_type="row")
                yield Static("Not won", classes="quiet")
                yield DataTable(id="losses", cursor_type="row")
        yield Static("", id="no-evaluations")
        yield Keys()

    def on_mount(self) -> None:
        for name, columns in (
            ("evaluations", ("suite", "model", "mean", "episodes", "")),
            ("groups", ("where", "won", "", "episodes", "in time")),
            ("losses", ("episode", "how it ended", "steps", "seconds")),
        ):
            table = self.query_one(f"#{name}", DataTable)
            for column in columns:
                table.add_column(column)
        self.query_one("#evaluations").focus()
        self._timer = self.set_interval(REFRESH_SECONDS, self._refresh_if_running)

    def on_screen_resume(self) -> None:
        if self._timer is not None:
            self._timer.resume()
        self.action_read_again()

    def on_screen_suspend(self) -> None:
        if self._timer is not None:
            self._timer.pause()

    def action_read_again(self) -> None:
        self._read()

    def _refresh_if_running(self) -> None:
        if any(each.is_running for each in self._evaluations):
            self._read()

    @work(thread=True, exclusive=True)
    def _read(self) -> None:
        found = list(evaluations(self._results)) if self._results.is_dir() else []
        self.app.call_from_thread(self._show, found)

    def _show(self, found: list[Evaluation]) -> None:
        self._evaluations = found
        self.query_one("#board").display = bool(found)
        nothing = self.query_one("#no-evaluations", Static)
        nothing.display = not found
        nothing.update(
            f"No evaluation in {self._results}.\n\n"
            "[$accent]python main.py eval miniwob --model nano --out results[/]\n"
            "[dim]runs one; it shows up here while it runs.[/]"
        )
        table = self.query_one("#evaluations", DataTable)
        row = max(table.cursor_row, 0)
        table.clear()
        for each in found:
            table.add_row(*self._line(each))
        if found:
            table.move_cursor(row=min(row, len(found) - 1))
            self._show_one(found[min(row, len(found) - 1)])

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        chosen = self._chosen
        if chosen is None:
            return
        match event.data_table.id:
            case "evaluations":
                self._show_one(chosen)
            case "groups":
                self._show_losses(chosen)

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        if event.data_table.id == "losses":
            self.action_open()

    def action_open(self) -> None:
        row = self.query_one("#losses", DataTable).cursor_row
        if not 0 <= row < len(self._losses):
            return
        outcome = self._losses[row]
        if outcome.run is None:
            self.notify("Its run is not there any more.", severity="warning")
        else:
            self.post_message(self.Replay(outcome))

    @property
    def _chosen(self) -> Evaluation | None:
        row = self.query_one("#evaluations", DataTable).cursor_row
        return self._evaluations[row] if 0 <= row < len(self._evaluations) else None

    def _line(self, each: Evaluation) -> tuple[Text, ...]:
        theme = self.app.current_theme
        mean = "" if each.mean is None else f"{each.mean:.1%}"
        state = Text("● now", style=theme.accent or "") if each.is_running else Text("")
        return (
            Text(each.suite),
            Text(each.model),
            Text(mean, style="bold", justify="right"),
            Text(str(len(each.outcomes)), justify="right"),
            state,
        )

    def _show_one(self, each: Evaluation) -> None:
        theme = self.app.current_theme
        head = Text(f"{each.suite} · {each.model}  ", style="bold")
        if each.mean is not None:
            head.append(f"{each.mean:.1%}", style=theme.accent or "")
            if each.error is not None:
                head.append(f" ± {each.error:.1%}", style=theme.secondary or "")
        if each.is_running and each.planned:
            head.append(f"  {len(each.outcomes)} of {each.planned} ", style=theme.secondary or "")
            head.append_text(self._bar(len(each.outcomes) / each.planned))
        if each.outcomes:
            last = datetime.fromtimestamp(each.outcomes[-1].ended_at).strftime("%d %b %H:%M")
            head.append(f"  last {last}", style=theme.secondary or "")
        self.query_one("#board-head", Static).update(head)
        table = self.query_one("#groups", DataTable)
        row = max(table.cursor_row, 0)
        table.clear()
        groups = each.groups()
        for name, outcomes in groups.items():
            table.add_row(*self._group(name, outcomes))
        if groups:
            table.move_cursor(row=min(row, len(groups) - 1))
        lines = [f"[dim]{ending:<18}[/] {count}" for ending, count in each.endings]
        self.query_one("#endings", Static).update("\n".join(["[b]Endings[/b]", *lines]))
        self._show_running(each)
        self._show_losses(each)

    def _group(self, name: str, outcomes: list[Outcome]) -> tuple[Text, ...]:
        theme = self.app.current_theme
        scored = [outcome.score for outcome in outcomes if outcome.score is not None]
        mean = sum(scored) / len(scored) if scored else 0.0
        return (
            Text(name),
            Text(f"{mean:.0%}", justify="right"),
            self._bar(mean),
            Text(str(len(outcomes)), justify="right"),
            Text(sparkline(outcomes, 20), style=theme.secondary or ""),
        )

    def _bar(self, share: float) -> Text:
        theme = self.app.current_theme
        full = min(round(share * _BAR_CELLS), _BAR_CELLS)
        bar = Text("━" * full, style=theme.accent or "")
        return bar.append("─" * (_BAR_CELLS - full), style=theme.variables.get("border", ""))

    def _show_running(self, each: Evaluation) -> None:
        theme, now = self.app.current_theme, time.time()
        self.query_one("#running").display = bool(each.running)
        told = Text("Being done\n" if each.running else "", style="bold")
        for one in each.running:
            steps = f"step {one.num_steps}" if one.num_steps else "opening"
            told.append("● ", style=theme.accent or "")
            told.append(one.name, style="not bold")
            told.append(f"  {steps} · {now - one.since:.0f} s\n", style="not bold dim")
        self.query_one("#running", Static).update(told)

    def _show_losses(self, each: Evaluation) -> None:
        groups = list(each.groups().values())
        row = self.query_one("#groups", DataTable).cursor_row
        self._losses = (
            [outcome for outcome in groups[row] if not outcome.won] if row < len(groups) else []
        )
        table = self.query_one("#losses", DataTable)
        table.clear()
        for outcome in self._losses:
            table.add_row(
                f"{outcome.group} {outcome.name}",
                outcome.ending,
                Text(str(outcome.num_steps), justify="right"),
                Text(f"{outcome.seconds:.1f}", justify="right"),
            )
