"""Tables and bars of the terminal."""

import resource
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from agent.events import EpisodeResult
from model.messages import Completion

SHOWN_FROM_BYTES = 500_000_000
"""Less is loaded before a bar could be read."""


def progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
    )


@contextmanager
def loading(console: Console) -> Iterator[Callable[[int, int], None]]:
    """A bar for weights, to be told bytes read and bytes in all; small ones need none."""
    columns = (TextColumn("weights"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:

        def tell(num_read: int, num_bytes: int) -> None:
            if num_bytes >= SHOWN_FROM_BYTES:
                line = bar.task_ids[0] if bar.task_ids else bar.add_task("", total=num_bytes)
                bar.update(line, completed=num_read)

        yield tell


def summary_table(summary: dict[str, Any]) -> Table:
    """The tasks of a `summary.json` (`agent.summary`), a row each."""
    table = Table()
    table.add_column("task")
    for name in ("episodes", "success", "strict", "reward", "steps"):
        table.add_column(name, justify="right")
    for task, row in summary["per_task"].items():
        table.add_row(
            task,
            str(row["episodes"]),
            f"{row['success']:.0%}",
            f"{row['strict']:.0%}",
            f"{row['mean_raw_reward']:.2f}",
            f"{row['mean_steps']:.1f}",
        )
    return table


def summary_line(summary: dict[str, Any]) -> str:
    error = summary["standard_error"]
    spread = "" if error is None else f" (standard error {error:.1%})"
    return (
        f"mean {summary['mean']:.1%}{spread} over {summary['tasks']} tasks,"
        f" {summary['tasks_at_80_percent']} of them at 80 % or better;"
        f" {summary['seconds_per_step'].get('step', 0.0):.2f} s a step"
    )


def suite_table(summary: dict[str, Any]) -> Table:
    """The domains of a suite's `summary.json` (`agent.task_summary`), a row each."""
    table = Table()
    table.add_column("domain")
    for name in ("tasks", "score", "mean", "error", "steps", "s a task", "s model"):
        table.add_column(name, justify="right")
    for domain, row in summary["per_domain"].items():
        table.add_row(
            domain,
            str(row["tasks"]),
            f"{row['total_score']:g}",
            f"{row['mean']:.1%}",
            _share(row["standard_error"]),
            f"{row['mean_steps']:.1f}",
            f"{row['seconds']['total']:.1f}",
            f"{row['seconds']['model']:.1f}",
        )
    return table


def suite_line(summary: dict[str, Any]) -> str:
    error = summary["standard_error"]
    spread = "" if error is None else f" (standard error {error:.1%})"
    infeasible = summary["infeasible"]
    aside = f", {infeasible['tasks']} of them infeasible" if infeasible["tasks"] else ""
    start = summary["seconds"].get("start")
    began = "" if start is None else f"; a task starts in {start:.1f} s (median)"
    return (
        f"mean {summary['mean']:.1%}{spread} over {summary['tasks']} tasks{aside};"
        f" {len(summary['unscored'])} unscored{began}"
    )


def grounding_table(summary: dict[str, Any]) -> Table:
    """Of `agent.grounding`'s summary, a row for each platform and each application."""
    table = Table()
    table.add_column("")
    for name in ("targets", "hit", "error", "text", "icon"):
        table.add_column(name, justify="right")
    for part in ("by_platform", "by_group", "by_application"):
        for name, row in summary[part].items():
            table.add_row(
                name,
                str(row["samples"]),
                f"{row['mean']:.1%}",
                _share(row["standard_error"]),
                _share(row["text_mean"]),
                _share(row["icon_mean"]),
            )
        table.add_section()
    return table


def grounding_line(summary: dict[str, Any]) -> str:
    error = summary["standard_error"]
    spread = "" if error is None else f" (standard error {error:.1%})"
    unusable = summary["endings"].get("wrong_format", 0)
    return (
        f"hit {summary['mean']:.1%}{spread} of {summary['samples']} targets, text"
        f" {_share(summary['text_mean']) or '-'}, icons {_share(summary['icon_mean']) or '-'};"
        f" {unusable} answers without a point"
    )


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"


def completion_line(completion: Completion) -> str:
    """What an answer cost; the memory is the whole process's, at its most."""
    seconds = completion.seconds
    new = completion.num_prompt_tokens - completion.num_reused_tokens
    told = len(completion.token_ids)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return (
        f"{completion.num_prompt_tokens} prompt tokens at {_rate(new, seconds.get('prefill'))}/s,"
        f" {told} new ones at {_rate(told, seconds.get('decode'))}/s,"
        f" {seconds.get('vision', 0.0):.2f} s of looking, peak memory {peak_mb:.0f} MB"
    )


def _rate(count: int, seconds: float | None) -> str:
    return f"{count / seconds:.0f}" if seconds and count else "?"


def results_table(results: Sequence[EpisodeResult]) -> Table:
    """Episodes, a row each, in the order they were run."""
    table = Table()
    table.add_column("task")
    table.add_column("steps", justify="right")
    table.add_column("seconds", justify="right")
    table.add_column("reward", justify="right")
    table.add_column("ended by")
    table.add_column("result")
    for result in results:
        table.add_row(
            result.task,
            str(result.num_steps),
            f"{result.seconds.get('total', 0.0):.1f}",
            "" if result.score is None else f"{result.score:.2f}",
            result.ending.value,
            _verdict(result.score),
        )
    return table


def _verdict(score: float | None) -> Text:
    if score is None:
        return Text("unscored", style="dim")
    return Text("success", style="green") if score > 0 else Text("failure", style="red")
