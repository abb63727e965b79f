"""The line on top: which screens there are, which this is, and what the session is doing."""

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from ui.words import Words

SCREENS = (
    ("run", "Run", "f2"),
    ("record", "Record", "f3"),
    ("replay", "Replay", "f4"),
    ("board", "Board", "f5"),
    ("models", "Models", "f6"),
    ("doctor", "Doctor", "f7"),
)
"""Mode, name and key."""
_WIDE = 100


class Bar(Widget):
    def __init__(self, mode: str) -> None:
        super().__init__()
        self._mode = mode

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Static("◐ moonhand", id="brand")
            for mode, name, _ in SCREENS:
                yield Tab(mode, name)
            yield Words(id="bar-state")

    def on_mount(self) -> None:
        self.query_one(f"#tab-{self._mode}").add_class("here")

    def on_resize(self) -> None:
        wide = self.size.width >= _WIDE
        for mode, name, key in SCREENS:
            tab = self.query_one(f"#tab-{mode}", Static)
            label = Content.from_markup(f"[dim]{key.upper()}[/] {name}") if wide else name
            tab.update(label)

    def tell(self, text: Text | str) -> None:
        self.query_one("#bar-state", Words).tell(text)


class Tab(Static):
    """One of them; a click goes there."""

    def __init__(self, mode: str, name: str) -> None:
        super().__init__(name, id=f"tab-{mode}", classes="tab")
        self._mode = mode

    async def on_click(self) -> None:
        await self.run_action(f"app.go('{self._mode}')")
