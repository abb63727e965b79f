"""Where a step's time went, as a bar a few cells wide and as a table of many steps."""

from collections.abc import Mapping

from rich.table import Table
from rich.text import Text

from trajectories.waterfall import PARTS, Figures

COLOURS = {
    "ahead": "#9b6bb3",
    "settle": "#6b7482",
    "capture": "#a39b86",
    "vision": "#3a9d97",
    "prefill": "#4a7bd0",
    "decode": "#cf8a35",
    "model": "#8d6e63",
    "act": "#5c9d64",
}
"""Seen on a light ground and on a dark one; the replay page has the same."""
CELLS = 6
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def bar(seconds: Mapping[str, float], cells: int = CELLS) -> Text:
    """The parts beside each other, each as long as its share; empty cells without any.

    A cell has one colour and, behind it, another: where two parts meet in a cell, the border is
    drawn to an eighth. What is shorter than that is not seen.
    """
    whole = sum(seconds.values())
    line = Text(no_wrap=True)
    if whole <= 0.0:
        return line.append(" " * cells)
    eighths = _shared_out(seconds, 8 * cells)
    for cell in range(cells):
        parts = eighths[8 * cell : 8 * cell + 8]
        first = parts[0]
        width = next((n for n, part in enumerate(parts) if part != first), 8)
        style = COLOURS[first] if width == 8 else f"{COLOURS[first]} on {COLOURS[parts[width]]}"
        line.append(_EIGHTHS[width], style=style)
    return line


def _shared_out(seconds: Mapping[str, float], places: int) -> list[str]:
    """A part for each place, in their order."""
    whole = sum(seconds.values())
    shared: list[str] = []
    spent = 0.0
    for part in PARTS:
        spent += seconds.get(part, 0.0)
        shared += [part] * (round(places * spent / whole) - len(shared))
    return shared


def stats_table(found: Figures) -> Table:
    """Milliseconds of each part of a step, a row each."""
    table = Table(title=f"{found.num_steps} steps", title_justify="left")
    table.add_column("part")
    table.add_column("median ms", justify="right")
    table.add_column("p95 ms", justify="right")
    table.add_column("")
    for part, (middle, most) in found.parts.items():
        if most:
            table.add_row(part, _ms(middle), _ms(most), bar({part: 1.0}, 1))
    table.add_section()
    medians = {part: spread.median for part, spread in found.parts.items()}
    table.add_row("step", _ms(found.step.median), _ms(found.step.p95), bar(medians, 12))
    return table


def stats_line(found: Figures) -> str:
    """The rates."""
    told = []
    if found.tokens_per_second is not None:
        told.append(f"{found.tokens_per_second:.0f} tokens/s while decoding")
    if found.reused is not None:
        told.append(
            f"{found.reused:.0%} of {found.num_prompt_tokens} prompt tokens reused"
            f" ({found.num_prepared_tokens} computed ahead)"
        )
    return ", ".join(told) or "this policy tells no tokens"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f}" if seconds >= 0.01 else f"{seconds * 1000:.1f}"
