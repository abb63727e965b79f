"""Two episodes side by side, step for step."""

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widgets import Static

from trajectories.errors import TrajectoryError
from trajectories.reading import Episode
from ui.bar import Bar
from ui.keys import Keys
from ui.past_steps import shown_points, step_views
from ui.picture import Graphics, Picture


class CompareScreen(Screen[None]):
    BINDINGS: ClassVar = [
        Binding("left", "step(-1)", "Earlier"),
        Binding("right", "step(1)", "Later"),
        Binding("escape", "leave", "Back"),
    ]

    def __init__(self, first: Episode, second: Episode, graphics: Graphics) -> None:
        super().__init__()
        self._both = (first, second)
        self._graphics = graphics
        self.step = 0
        """Counted from 0; the shorter one stays at its last."""

    def compose(self) -> ComposeResult:
        yield Bar("replay")
        with Horizontal(id="compare"):
            for side, episode in enumerate(self._both):
                with Vertical(classes="side"):
                    yield Static(episode.start.instruction, classes="side-task", markup=False)
                    yield Static("", id=f"where-{side}", classes="quiet")
                    yield Picture(self._graphics, id=f"side-{side}")
                    yield Static("", id=f"words-{side}", classes="side-words", markup=False)
        yield Keys()

    def on_mount(self) -> None:
        self._draw()

    def action_step(self, by: int) -> None:
        longest = max(len(episode.steps) for episode in self._both)
        self.step = min(max(self.step + by, 0), max(longest - 1, 0))
        self._draw()

    def action_leave(self) -> None:
        self.app.pop_screen()

    def _draw(self) -> None:
        for side, episode in enumerate(self._both):
            if not episode.steps:
                continue
            at = min(self.step, len(episode.steps) - 1)
            past, view = episode.steps[at], step_views(episode)[at]
            ending = "interrupted" if episode.end is None else episode.end.ending.lower()
            where = f"step {at + 1} of {len(episode.steps)} · {ending.replace('_', ' ')}"
            self.query_one(f"#where-{side}", Static).update(where)
            words = Text(f"{view.sentence}\n", style="bold")
            words.append(view.sections.thought, style="not bold")
            words.append(f"\n{view.words}", style=self.app.current_theme.secondary or "")
            self.query_one(f"#words-{side}", Static).update(words)
            try:
                picture = past.image()
            except TrajectoryError as error:
                self.notify(str(error), severity="warning")
                continue
            self.query_one(f"#side-{side}", Picture).show(picture, shown_points(past))
