"""The steps of an episode, a line each; choosing one looks back at it.

Not a list of Textual's: that draws all its lines when one changes, and lays the screen out anew
for each that is added, several times a step.
"""

from typing import ClassVar

from rich.text import Text
from textual import events
from textual.binding import Binding
from textual.content import Content
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from ui.progress import Stand, StepView
from ui.waterfall import CELLS, bar

_SIGNS = {
    Stand.LOOKING: "◌",
    Stand.THINKING: "◌",
    Stand.PLANNED: "◐",
    Stand.ASKED: "?",
    Stand.DONE: "●",
    Stand.DECLINED: "✕",
}


class Timeline(Widget, can_focus=True):
    """Follows the newest step as long as the last line is the chosen one."""

    COMPONENT_CLASSES: ClassVar = {"timeline--chosen"}
    BINDINGS: ClassVar = [
        Binding("up", "choose(-1)", "Earlier", show=False),
        Binding("down", "choose(1)", "Later", show=False),
        Binding("pageup", "choose(-8)", "Earlier", show=False),
        Binding("pagedown", "choose(8)", "Later", show=False),
        Binding("home", "choose(-1000000)", "First", show=False),
        Binding("end", "choose(1000000)", "Last", show=False),
    ]

    class Chosen(Message):
        """Another line than before."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._lines: list[Text] = []
        self._top = 0
        """The first line in sight."""
        self.chosen: int | None = None
        """A place in the list; None: there is nothing."""

    @property
    def num_lines(self) -> int:
        return len(self._lines)

    @property
    def is_following(self) -> bool:
        return self.chosen is None or self.chosen >= self.num_lines - 1

    def show(self, steps: list[StepView]) -> None:
        """All of them anew, or what is different from before."""
        follows = self.is_following or len(steps) < self.num_lines
        before, self._lines = self._lines, [self._line(step) for step in steps]
        for number, line in enumerate(self._lines):
            if number >= len(before) or line != before[number]:
                self._draw(number)
        if len(before) > len(steps):
            self.refresh()
        if follows:
            self.choose(len(steps) - 1 if steps else None)

    def choose(self, number: int | None) -> None:
        """
        Args:
            number: brought to the nearest there is.
        """
        last = self.num_lines - 1
        number = None if number is None or last < 0 else min(max(number, 0), last)
        if number == self.chosen:
            return
        for each in (self.chosen, number):
            if each is not None:
                self._draw(each)
        self.chosen = number
        self._bring_into_sight()
        self.post_message(self.Chosen())

    def action_choose(self, by: int) -> None:
        if self.chosen is not None:
            self.choose(self.chosen + by)

    def on_click(self, event: events.Click) -> None:
        row = event.get_content_offset(self)
        if row is not None and self._top + row.y < self.num_lines:
            self.choose(self._top + row.y)

    def on_mouse_scroll_up(self) -> None:
        self.action_choose(-1)

    def on_mouse_scroll_down(self) -> None:
        self.action_choose(1)

    def on_resize(self) -> None:
        self._bring_into_sight()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        number, across = self._top + y, self.size.width
        style = self.visual_style
        if number >= self.num_lines:
            return Strip.blank(across, style.rich_style)
        if number == self.chosen:
            style = self.get_visual_style("timeline--chosen")
        content = Content.from_rich_text(self._lines[number]).truncate(across, ellipsis=True)
        segments = content.render_segments(style)
        return Strip(segments).adjust_cell_length(across, style.rich_style)

    def _draw(self, number: int) -> None:
        if 0 <= number - self._top < self.size.height:
            self.refresh(Region(0, number - self._top, self.size.width, 1))

    def _bring_into_sight(self) -> None:
        room, chosen = self.size.height, self.chosen or 0
        top = min(max(self._top, chosen - room + 1), chosen) if room else self._top
        if top != self._top:
            self._top = top
            self.refresh()

    def _line(self, step: StepView) -> Text:
        theme = self.app.current_theme
        colour = {
            Stand.ASKED: theme.accent or "",
            Stand.DECLINED: theme.error or "",
            Stand.DONE: theme.success or "",
        }.get(step.stand, theme.secondary or "")
        said = step.sentence or step.sections.action.splitlines()[:1]
        words = said if isinstance(said, str) else "".join(said)
        line = Text(no_wrap=True, overflow="ellipsis")
        line.append(f"{_SIGNS[step.stand]} ", style=colour)
        line.append(f"{step.number:>2} ", style=theme.secondary or "")
        if step.seconds:
            line.append(f"{step.seconds:5.1f}s ", style=theme.secondary or "")
            line.append_text(bar(step.parts)).append(" ")
        else:
            line.append(" " * (8 + CELLS))
        line.append(words.strip() or step.stand.value)
        if step.reason:
            line.append(f"  {step.reason}", style=colour)
        return line
