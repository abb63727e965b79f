"""Runs of before: found by their words, looked through step by step, compared, let go of."""

import shutil
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widgets import DataTable, Input, Static

from trajectories.errors import RunNotFound, TrajectoryError
from trajectories.index import EpisodeEntry, RunIndex
from trajectories.reading import Episode, read_run
from trajectories.replay import write_replay
from ui.bar import Bar
from ui.compare_screen import CompareScreen
from ui.confirm import ConfirmScreen
from ui.keys import Keys
from ui.past_steps import shown_points, step_views
from ui.picture import Graphics, Picture
from ui.progress import StepView
from ui.timeline import Timeline

_TASK_CELLS = 30
"""In the list; the whole of it is beside."""


class ReplayScreen(Screen[None]):
    BINDINGS: ClassVar = [
        Binding("slash", "find", "Find"),
        Binding("left", "step(-1)", "Earlier", show=False),
        Binding("right", "step(1)", "Later", show=False),
        Binding("c", "compare", "Compare"),
        Binding("w", "write", "Write page"),
        Binding("delete,d", "delete", "Delete"),
        Binding("r", "refresh_runs", "Read anew"),
    ]

    def __init__(self, runs: Path, graphics: Graphics) -> None:
        super().__init__()
        self._runs = self._home = runs
        self._wanted: tuple[str, int | None] | None = None
        """Task and seed of the episode to be shown, when its run is read."""
        self._graphics = graphics
        self._entries: list[EpisodeEntry] = []
        self._episode: Episode | None = None
        self._steps: list[StepView] = []
        self._marked: EpisodeEntry | None = None
        """The first of two to be compared."""

    def compose(self) -> ComposeResult:
        yield Bar("replay")
        with Horizontal(id="replay"):
            with Vertical(id="found"):
                yield Input(placeholder="/ find words in tasks and answers", id="words")
                yield DataTable(id="episodes", cursor_type="row", zebra_stripes=False)
            with Vertical(id="past"):
                yield Static("", id="past-task", markup=False)
                yield Picture(self._graphics, id="past-picture")
                yield Static("", id="past-words", markup=False)
                yield Timeline(id="past-steps")
        yield Static("", id="none-yet")
        yield Keys()

    def on_mount(self) -> None:
        table = self.query_one("#episodes", DataTable)
        for column in ("when", "task", "how it ended", "steps"):
            table.add_column(column, key=column)
        table.focus()

    def on_screen_resume(self) -> None:
        self.action_refresh_runs()

    def look_at(self, folder: Path, task: str, seed: int | None) -> None:
        """An episode from elsewhere: of an evaluation. Shown as soon as the screen is there."""
        self._runs, self._wanted = folder, (task, seed)

    def go_home(self) -> None:
        """Back to the user's own runs."""
        was, self._runs, self._wanted = self._runs, self._home, None
        if was != self._home and self.is_current:
            self.action_refresh_runs()

    def action_refresh_runs(self) -> None:
        words = self.query_one("#words", Input)
        if self._wanted is not None:
            words.value = ""
        self._read(words.value)

    @work(thread=True, exclusive=True, group="index")
    def _read(self, words: str) -> None:
        """The index is SQLite's, whose connection stays in one thread."""
        try:
            with RunIndex(self._runs) as index:
                entries = list(index.episodes(words))
        except (RunNotFound, TrajectoryError, OSError) as error:
            self.app.call_from_thread(self._show_entries, [], str(error))
            return
        entries.reverse()
        self.app.call_from_thread(self._show_entries, entries, "")

    def _show_entries(self, entries: list[EpisodeEntry], trouble: str) -> None:
        self._entries = entries
        table = self.query_one("#episodes", DataTable)
        row = max(0, table.cursor_row)
        table.clear()
        for entry in entries:
            table.add_row(*_cells(entry, self.app.current_theme.secondary or ""))
        nothing = self.query_one("#none-yet", Static)
        nothing.display = not entries
        nothing.update((trouble and f"[dim]{trouble}[/]") or "[dim]No run with these words.[/]")
        self.query_one("#replay").display = bool(entries) or bool(
            self.query_one("#words", Input).value
        )
        wanted, self._wanted = self._wanted, None
        if wanted is not None:
            matching = [at for at, each in enumerate(entries) if (each.task, each.seed) == wanted]
            row = matching[0] if matching else 0
        if entries:
            table.move_cursor(row=min(row, len(entries) - 1))
            self._open(entries[min(row, len(entries) - 1)])

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        if 0 <= event.cursor_row < len(self._entries):
            self._open(self._entries[event.cursor_row])

    @work(thread=True, exclusive=True, group="episode")
    def _open(self, entry: EpisodeEntry) -> None:
        try:
            episode = read_run(self._runs / entry.run).episodes[entry.number]
        except (TrajectoryError, OSError, IndexError) as error:
            self.app.call_from_thread(self.notify, str(error), severity="error")
            return
        self.app.call_from_thread(self._show_episode, episode)

    def _show_episode(self, episode: Episode) -> None:
        self._episode = episode
        self._steps = step_views(episode)
        self.query_one("#past-task", Static).update(episode.start.instruction)
        timeline = self.query_one("#past-steps", Timeline)
        timeline.show(self._steps)
        timeline.choose(0)
        self._show_step()

    def on_timeline_chosen(self) -> None:
        self._show_step()

    def _show_step(self) -> None:
        timeline = self.query_one("#past-steps", Timeline)
        if self._episode is None or not self._steps or timeline.chosen is None:
            return
        at = min(timeline.chosen, len(self._steps) - 1)
        step, past = self._steps[at], self._episode.steps[at]
        words = Text(step.sections.thought or "", style="")
        words.append(f"\n{step.words}" if step.words else "", self.app.current_theme.secondary)
        self.query_one("#past-words", Static).update(words)
        try:
            self.query_one("#past-picture", Picture).show(past.image(), shown_points(past))
        except TrajectoryError as error:
            self.notify(str(error), severity="warning")

    def action_find(self) -> None:
        self.query_one("#words").focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self._read(event.value)
        self.query_one("#episodes").focus()

    def action_step(self, by: int) -> None:
        self.query_one("#past-steps", Timeline).action_choose(by)

    @property
    def _here(self) -> EpisodeEntry | None:
        row = self.query_one("#episodes", DataTable).cursor_row
        return self._entries[row] if 0 <= row < len(self._entries) else None

    def action_compare(self) -> None:
        """The first press marks one, the second compares it with the one chosen then."""
        here = self._here
        if here is None:
            return
        if self._marked is None or self._marked == here:
            self._marked = here
            self.notify("Marked. Choose another and press c to see both side by side.")
            return
        first, self._marked = self._marked, None
        try:
            episodes = [
                read_run(self._runs / entry.run).episodes[entry.number] for entry in (first, here)
            ]
        except (TrajectoryError, OSError, IndexError) as error:
            self.notify(str(error), severity="error")
            return
        self.app.push_screen(CompareScreen(episodes[0], episodes[1], self._graphics))

    def action_write(self) -> None:
        if (here := self._here) is not None:
            folder = self._runs / here.run
            path = write_replay(read_run(folder), folder / "replay.html")
            self.notify(f"{path}", title="Written, needs nothing else")

    def action_delete(self) -> None:
        here = self._here
        if here is None:
            return
        folder = self._runs / here.run
        count = sum(entry.run == here.run for entry in self._entries)

        def done(sure: bool | None) -> None:
            if sure:
                shutil.rmtree(folder)
                self.action_refresh_runs()

        what = "this task" if count == 1 else f"all {count} tasks of its session"
        self.app.push_screen(
            ConfirmScreen(f"Delete {what} for good?\n{folder}", yes="Delete"), done
        )


def _cells(entry: EpisodeEntry, quiet: str) -> tuple[Text, ...]:
    when = datetime.fromtimestamp(entry.started_at).strftime("%d %b %H:%M")
    ending = "interrupted" if entry.ending is None else entry.ending.replace("_", " ").lower()
    if entry.score is not None:
        ending = "success" if entry.score > 0 else f"failed ({ending})"
    task = entry.instruction.replace("\n", " ")
    return (
        Text(when, style=quiet),
        Text(task if len(task) <= _TASK_CELLS else f"{task[: _TASK_CELLS - 1]}…"),
        Text(ending),
        Text(str(entry.num_steps), justify="right"),
    )
