"""Where a task is typed, or pasted with all its lines; what was typed before comes back with ↑."""

from collections.abc import Sequence
from pathlib import Path

from textual import events
from textual.message import Message
from textual.widgets import TextArea

MAX_REMEMBERED = 200
MAX_LINES = 6


class TaskHistory:
    """Tasks of before, oldest first, kept in a file of the user's own; one a line, escaped."""

    def __init__(self, path: Path | None) -> None:
        """
        Args:
            path: None: nothing is kept.
        """
        self._path = path
        self.tasks: list[str] = []
        if path is not None and path.is_file():
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            self.tasks = [_unescaped(line) for line in lines if line][-MAX_REMEMBERED:]

    def add(self, task: str) -> None:
        if task in self.tasks:
            self.tasks.remove(task)
        self.tasks = [*self.tasks, task][-MAX_REMEMBERED:]
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        text = "".join(f"{_escaped(task)}\n" for task in self.tasks)
        self._path.write_text(text, encoding="utf-8")


def _escaped(task: str) -> str:
    return task.replace("\\", "\\\\").replace("\r\n", "\n").replace("\n", "\\n")


def _unescaped(line: str) -> str:
    return "\\".join(part.replace("\\n", "\n") for part in line.split("\\\\"))


class TaskBox(TextArea):
    """Enter sends; alt+enter or ctrl+j begins a new line; it grows with what is in it."""

    class Sent(Message):
        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self, history: TaskHistory, *, id: str | None = None) -> None:
        super().__init__(
            "", soft_wrap=True, show_line_numbers=False, compact=True, tab_behavior="focus", id=id
        )
        # Drawn twice a second it would be most of what an idle cockpit does.
        self.cursor_blink = False
        self._history = history
        self._place: int | None = None
        """In the history; None: what is being typed."""
        self._draft = ""

    def send(self) -> None:
        text = self.text.strip()
        if text:
            self._history.add(text)
            self._place = None
            self.load_text("")
        # An empty one is news too: it starts the demo on a first run.
        self.post_message(self.Sent(text))

    def put(self, text: str) -> None:
        """In place of what is there, the cursor at its end."""
        self.load_text(text)
        self.move_cursor(self.document.end)

    def on_text_area_changed(self) -> None:
        self.styles.height = min(MAX_LINES, max(1, self.wrapped_document.height))

    async def _on_key(self, event: events.Key) -> None:
        # Not as bindings: those overtake the letters that were typed before them.
        if self._takes(event.key):
            event.stop()
            event.prevent_default()
        else:
            await super()._on_key(event)

    def _takes(self, key: str) -> bool:
        row, _ = self.cursor_location
        match key:
            case "enter":
                self.send()
            case "alt+enter" | "ctrl+j":
                self.insert("\n")
            case "up" if row == 0:
                return self._step(-1, self._history.tasks)
            case "down" if row == self.document.line_count - 1:
                return self._step(1, self._history.tasks)
            case _:
                return False
        return True

    def _step(self, by: int, tasks: Sequence[str]) -> bool:
        if self._place is None:
            if by > 0 or not tasks:
                return False
            self._draft, self._place = self.text, len(tasks)
        place = self._place + by
        if place < 0:
            return True
        if place >= len(tasks):
            self._place = None
            self.put(self._draft)
        else:
            self._place = place
            self.put(tasks[place])
        return True
