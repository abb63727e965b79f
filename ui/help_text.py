"""What F1 tells."""

_KEYS = (
    (
        "A task",
        (
            ("enter", "begin; while it works: tell the agent something"),
            ("alt+enter", "another line (a paste keeps its lines)"),
            ("↑ ↓", "tasks of before"),
            ("ctrl+t", "examples"),
            ("ctrl+o", "set up: desktop, model, limits, when it asks you"),
        ),
    ),
    (
        "While it works",
        (
            ("ctrl+k", "stop; at any time, on any screen"),
            ("f8", "pause, go on"),
            ("f9", "one step: it shows what it would do, does it on your yes, and pauses"),
            ("f10", "take over the desktop; again: hand it back"),
            ("tab, ↑ ↓", "look back at earlier steps; the last line follows the work"),
            ("▉▉▉", "a step's time: grey waits, teal looks, blue reads, amber writes, green acts"),
        ),
    ),
    (
        "When it asks",
        (
            ("y", "yes, this once"),
            ("a", "yes to everything of this kind in this run"),
            ("n", "no; with a reason, which the model reads"),
            ("e", "change the action"),
            ("", "no answer is no"),
        ),
    ),
    (
        "Screens",
        (
            ("f2 … f7", "Run, Record, Replay, Board, Models, Doctor"),
            ("ctrl+p", "every command by its name; themes too"),
            ("ctrl+q", "quit; a task that is being done may be left running"),
            ("f1 or ?", "this"),
        ),
    ),
)


def help_text() -> str:
    """Textual's markup."""
    lines = []
    for title, keys in _KEYS:
        lines.append(f"[b]{title}[/b]")
        lines += [f"  [$accent]{key:<10}[/] {what}" for key, what in keys]
        lines.append("")
    lines.append("[dim]python main.py attach   back to a task that was left running[/]")
    lines.append("[dim]python main.py --plain  lines instead of a screen, for screen readers[/]")
    return "\n".join(lines)
