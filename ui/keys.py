"""The line at the bottom: which keys do what now; a click on one is that key.

Not Textual's footer: that mounts a widget for every key anew, and lays the screen out with them,
each time an episode begins and ends.
"""

from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import RenderResult
from textual.binding import Binding
from textual.screen import Screen
from textual.widget import Widget


class Keys(Widget):
    COMPONENT_CLASSES: ClassVar = {"keys--key"}

    def __init__(self) -> None:
        super().__init__()
        self._shown: list[tuple[str, str, str, bool]] = []
        """Key, its name, what it does, and whether it does it now."""

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._look)

    def _look(self, screen: "Screen[object]") -> None:
        if not self.app.app_focus:
            return
        first: dict[str, tuple[Binding, bool]] = {}
        for _, binding, enabled, _ in screen.active_bindings.values():
            if binding.show:
                # An action with two keys is told by its first.
                first.setdefault(binding.action, (binding, enabled))
        shown = [
            (binding.key, self.app.get_key_display(binding), binding.description, enabled)
            for binding, enabled in first.values()
        ]
        if shown != self._shown:
            self._shown = shown
            self.refresh()

    def render(self) -> RenderResult:
        key_style = self.get_component_rich_style("keys--key", partial=True)
        line = Text(no_wrap=True, overflow="crop")
        for _, name, told, enabled in self._shown:
            start = len(line)
            line.append(name, style=key_style).append(f" {told} ")
            if not enabled:
                line.stylize("dim", start)
        return line

    def on_mouse_down(self, event: events.MouseDown) -> None:
        right = 0
        for key, name, told, enabled in self._shown:
            right += len(f"{name} {told} ")
            if event.x < right:
                if enabled:
                    self.app.simulate_key(key)
                return
