"""`main.py report`: evaluations side by side, in the terminal and as a page."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from rich.console import Console
from rich.table import Table

from agent.gathered import gathered
from trajectories.report import (
    Difference,
    Evaluation,
    differences,
    evaluation_of,
    read_evaluation,
    write_report,
)
from ui.arguments import POSITIONAL

Say = Callable[[str], None]
DONE = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Compare evaluations: a table here, and an HTML page with plots."""

    paths: Annotated[
        tuple[Path, ...],
        "folders that eval has written, or several of its results copied into one",
        POSITIONAL,
    ]
    out: Annotated[Path, "the page to write"] = Path("report.html")


def report(options: Report, *, console: Console, say: Say) -> int:
    evaluations = [each for path in options.paths for each in _evaluations(path)]
    console.print(evaluations_table(evaluations))
    told = differences(evaluations)
    if told:
        console.print(differences_table(told))
    say(f"page: {write_report(evaluations, options.out)}")
    return DONE


def _evaluations(path: Path) -> list[Evaluation]:
    """One a model: results may have been copied together."""
    found = gathered(path)
    if not found:
        return [read_evaluation(path)]
    name = path.name or str(path)
    if len(found) == 1:
        return [evaluation_of(summary, name) for summary in found.values()]
    return [evaluation_of(summary, f"{name}/{model}") for model, summary in found.items()]


def evaluations_table(evaluations: list[Evaluation]) -> Table:
    table = Table()
    for name in ("results", "suite", "model"):
        table.add_column(name)
    for name in ("tasks", "mean ± error", "unscored", "s a task"):
        table.add_column(name, justify="right", no_wrap=name.startswith("mean"))
    for each in evaluations:
        spread = "" if each.error is None else f" ± {each.error:.1%}"
        table.add_row(
            each.name,
            each.suite,
            each.model,
            str(len(each.tasks) or each.num_episodes),
            f"{each.mean:.1%}{spread}",
            str(len(each.unscored)),
            _seconds(each.seconds.get("total")),
        )
    return table


def differences_table(told: list[Difference]) -> Table:
    table = Table()
    table.add_column("one")
    table.add_column("less the other")
    for name in ("tasks in common", "difference", "error"):
        table.add_column(name, justify="right")
    for each in told:
        table.add_row(
            each.one, each.other, str(each.num_tasks), f"{each.mean:+.1%}", _share(each.error)
        )
    return table


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"
