"""The steps of an episode, a line each; choosing one looks back at it."""

from rich.text import Text
from textual.widgets import OptionList
from textual.widgets.option_list import Option

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


class Timeline(OptionList):
    """Follows the newest step as long as the last line is the chosen one."""

    def show(self, steps: list[StepView]) -> None:
        """All of them anew, or what is different from before."""
        if len(steps) < self.option_count:
            self.clear_options()
        follows = self.is_following
        for number, step in enumerate(steps):
            line = self._line(step)
            if number < self.option_count:
                self.replace_option_prompt_at_index(number, line)
            else:
                self.add_option(Option(line))
        if follows and steps:
            self.highlighted = len(steps) - 1

    def show_last(self, step: StepView) -> None:
        self.replace_option_prompt_at_index(self.option_count - 1, self._line(step))

    @property
    def is_following(self) -> bool:
        return self.highlighted is None or self.highlighted >= self.option_count - 1

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
