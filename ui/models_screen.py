"""Models: what is on disk, what fits this machine, and the commands to get others."""

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.message import Message
from textual.screen import Screen
from textual.widgets import DataTable, Static

from ui.bar import Bar
from ui.keys import Keys
from ui.models_on_disk import DOWNLOADS, SMALLER, ModelOnDisk


class ModelsScreen(Screen[None]):
    BINDINGS: ClassVar = [
        Binding("enter", "use", "Use it"),
        Binding("y", "copy", "Copy command"),
        Binding("r", "read_again", "Read anew"),
    ]

    class Chosen(Message):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self, look: Callable[[], tuple[list[ModelOnDisk], int]]) -> None:
        """
        Args:
            look: gives what is on disk, and the bytes of memory that are free; called in a thread.
        """
        super().__init__()
        self._look = look
        self.models: list[ModelOnDisk] = []

    def compose(self) -> ComposeResult:
        yield Bar("models")
        with VerticalScroll(id="models", can_focus=False):
            yield Static("On this machine", classes="title")
            yield DataTable(id="on-disk", cursor_type="row")
            yield Static("", id="memory", classes="quiet")
            yield Static("To be had", classes="title")
            yield DataTable(id="downloads", cursor_type="row")
            yield Static(_others(), id="others")
        yield Keys()

    def on_mount(self) -> None:
        here = self.query_one("#on-disk", DataTable)
        for column in ("model", "weights", "fits here", "where"):
            here.add_column(column)
        there = self.query_one("#downloads", DataTable)
        for column in ("model", "what", "size", "command"):
            there.add_column(column)
        quiet = self.app.current_theme.secondary or ""
        for each in DOWNLOADS:
            size = Text(f"{each.gigabytes:.0f} GB", justify="right")
            there.add_row(each.name, Text(each.what, style=quiet), size, each.command)
        here.focus()

    def on_screen_resume(self) -> None:
        self.action_read_again()

    def action_read_again(self) -> None:
        self._read()

    @work(thread=True, exclusive=True)
    def _read(self) -> None:
        found, free = self._look()
        self.app.call_from_thread(self._show, found, free)

    def _show(self, found: list[ModelOnDisk], free: int) -> None:
        theme = self.app.current_theme
        self.models = found
        table = self.query_one("#on-disk", DataTable)
        table.clear()
        for each in found:
            fits = each.fits(free)
            table.add_row(
                Text(Path(each.name).name, style="bold"),
                Text(_size(each.num_bytes), justify="right"),
                Text(
                    "yes" if fits else "no: too little memory",
                    style=(theme.success if fits else theme.error) or "",
                ),
                Text(str(each.folder), style=theme.secondary or ""),
            )
        self.query_one("#memory", Static).update(f"{free / 2**30:.1f} GB of memory free now")

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        if event.data_table.id == "on-disk":
            self.action_use()
        else:
            self.action_copy()

    def action_use(self) -> None:
        row = self.query_one("#on-disk", DataTable).cursor_row
        if 0 <= row < len(self.models):
            self.post_message(self.Chosen(self.models[row].name))

    def action_copy(self) -> None:
        row = self.query_one("#downloads", DataTable).cursor_row
        if 0 <= row < len(DOWNLOADS):
            self.app.copy_to_clipboard(DOWNLOADS[row].command)
            self.notify(DOWNLOADS[row].command, title="Copied")


def _size(num_bytes: int) -> str:
    if num_bytes >= 10**9:
        return f"{num_bytes / 10**9:.1f} GB"
    return f"{num_bytes / 10**6:.0f} MB"


def _others() -> str:
    width = max(len(what) for what, _ in SMALLER)
    lines = [f"[dim]{what:<{width}}[/]  {command}" for what, command in SMALLER]
    return "\n".join(lines)
