"""Moonhand's commands, one subcommand each. The only place that names concrete classes.

Exit codes: 0 done, 1 failed, 2 refused or misconfigured.
"""

import argparse
import hashlib
import os
import sys
import types
import typing
from collections.abc import Callable, Sequence
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Annotated, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from agent.collect import CollectConfig, OpenCollector
from agent.errors import AgentError
from agent.evaluate import EvalConfig, OpenEvaluator, claim_folder, finished
from agent.miniwob import evaluation_jobs, tasks_named, training_jobs
from agent.policy import Policy
from agent.summary import summarise, write_summary
from agent.workers import run_jobs
from env.errors import EnvError
from model.errors import CheckpointError, ModelError
from trajectories.errors import TrajectoryError

DONE, FAILED, REFUSED = 0, 1, 2
POSITIONAL = "positional"
NANO_WEIGHTS = Path(__file__).parent / "model" / "weights" / "nano"

console = Console()
complaints = Console(stderr=True)


def open_policy(name: str) -> Policy:
    """The network of a folder; "nano" is the one shipped.

    Raises:
        ModelError: no checkpoint there, or one that does not fit.
    """
    from model.chat import ChatModel

    return ChatModel.from_pretrained(weights_folder(name))


def weights_folder(name: str) -> Path:
    """The folder a --model names, found before anything starts.

    Raises:
        CheckpointError: there is no checkpoint in it.
    """
    path = NANO_WEIGHTS if name == "nano" else Path(name)
    if not (path / "config.json").is_file():
        raise CheckpointError(
            f"no weights in {path}: no config.json; expected a folder with config.json and"
            " *.safetensors, or make the small network with `make nano`"
        )
    return path


@dataclass(frozen=True, slots=True, kw_only=True)
class Collect:
    """Expert demonstrations, or a learner's episodes with the expert's advice, as run folders."""

    out: Annotated[Path, "folder for the run folders"]
    tasks: Annotated[str, "pix2act59, all, experts, or names with commas"] = "experts"
    episodes: Annotated[int, "episodes a task"] = 10
    seed: Annotated[int, "first seed; below 1,000,000"] = 0
    workers: Annotated[int, "processes"] = 1
    noise: Annotated[float, "share of the expert's steps that are spoilt"] = 0.0
    model: Annotated[str, "who acts: expert, nano or a folder of weights"] = "expert"
    reload: Annotated[bool, "load the page anew for every episode"] = False


def collect(options: Collect) -> int:
    config = CollectConfig(
        out=options.out, model=options.model, noise=options.noise, reload=options.reload
    )
    jobs = training_jobs(tasks_named(options.tasks), options.episodes, options.seed)
    results = []
    with progress() as bar:
        line = bar.add_task("episodes", total=len(jobs))
        for result in run_jobs(jobs, OpenCollector(config, open_policy), options.workers):
            results.append(result)
            bar.advance(line)
    scored = [result for result in results if result.score is not None]
    won = sum(1 for result in scored if result.score is not None and result.score > 0)
    steps = sum(result.num_steps for result in results)
    console.print(f"{len(results)} episodes, {won} successful, {steps} steps, in {options.out}")
    return DONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Eval:
    """Run tasks on unseen seeds and write what came out, as numbers that compare."""

    suite: Annotated[str, "miniwob", POSITIONAL]
    out: Annotated[Path, "folder for results; finished episodes in it are not run again"]
    model: Annotated[str, "nano, a folder of weights, or expert"] = "nano"
    tasks: Annotated[str, "pix2act59, all, experts, or names with commas"] = "pix2act59"
    episodes: Annotated[int, "unseen seeds a task"] = 20
    seed: Annotated[int, "round: its seeds start at 10,000,000 + 1000 times this"] = 0
    workers: Annotated[int, "processes, each with a browser and a model"] = 1
    blind: Annotated[bool, "feed black pictures: what is left is not reading"] = False
    max_steps: Annotated[int, "steps an episode"] = 30


def evaluate(options: Eval) -> int:
    if options.suite != "miniwob":
        raise ValueError(f"no suite named {options.suite!r}; expected miniwob")
    config = EvalConfig(
        model=options.model,
        weights=weights_digest(options.model),
        seed=options.seed,
        blind=options.blind,
        max_steps=options.max_steps,
    )
    jobs = evaluation_jobs(tasks_named(options.tasks), options.episodes, options.seed)
    claim_folder(options.out, config)
    records = finished(options.out, config, jobs)
    done = {(record.task, record.seed) for record in records}
    todo = [job for job in jobs if job not in done]
    share_cores(options.workers)
    with progress() as bar:
        line = bar.add_task("episodes", total=len(jobs), completed=len(records))
        opener = OpenEvaluator(config, options.out, open_policy)
        for record in run_jobs(todo, opener, options.workers):
            records.append(record)
            write_summary(options.out, summarise(config, records))
            won = sum(record.success for record in records) / len(records)
            bar.update(line, advance=1, description=f"episodes ({won:.0%} won)")
    summary = summarise(config, records)
    path = write_summary(options.out, summary)
    console.print(success_table(summary))
    console.print(f"written to {path}")
    return DONE


def success_table(summary: dict[str, Any]) -> Table:
    table = Table(title=f"MiniWoB++, {summary['config']['model']}", title_justify="left")
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
    error = summary["standard_error"]
    table.caption = (
        f"mean {summary['mean']:.1%}"
        + ("" if error is None else f" (standard error {error:.1%})")
        + f", {summary['tasks_at_80_percent']} tasks at 80 % or better,"
        + f" {summary['seconds_per_step'].get('step', 0.0):.2f} s a step"
    )
    return table


def share_cores(num_workers: int) -> None:
    """Give each worker's torch its part of the cores; read by torch when the worker starts."""
    if num_workers > 1:
        threads = max(1, len(os.sched_getaffinity(0)) // num_workers)
        os.environ.setdefault("OMP_NUM_THREADS", str(threads))


def weights_digest(model: str) -> str:
    """First characters of the weights' SHA-256; empty for what has none."""
    if model == "expert":
        return ""
    digest = hashlib.sha256()
    for path in sorted(weights_folder(model).glob("*.safetensors")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Command:
    options: type
    run: Callable[[Any], int]


COMMANDS = {
    "eval": Command(Eval, evaluate),
    "collect": Command(Collect, collect),
}


def progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
    )


def arguments(options: type, parser: argparse.ArgumentParser) -> None:
    """A flag for each field: its name, its type, its default and the sentence it is annotated with.

    A field annotated with POSITIONAL too is given without a flag.
    """
    hints = typing.get_type_hints(options, include_extras=True)
    for each in fields(options):
        kind, text, *marks = typing.get_args(hints[each.name])
        if isinstance(kind, types.UnionType):
            kind = next(part for part in typing.get_args(kind) if part is not type(None))
        flag = f"--{each.name.replace('_', '-')}"
        if POSITIONAL in marks:
            parser.add_argument(each.name, type=kind, help=text)
        elif kind is bool:
            parser.add_argument(flag, action="store_true", help=text)
        elif each.default is MISSING:
            parser.add_argument(flag, type=kind, required=True, help=text)
        else:
            shown = "" if each.default is None else f" (default: {each.default})"
            parser.add_argument(flag, type=kind, default=each.default, help=text + shown)


def parse_arguments(words: Sequence[str]) -> tuple[Command, Any]:
    parser = argparse.ArgumentParser(prog="main.py", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        summary = (command.options.__doc__ or "").strip()
        arguments(command.options, commands.add_parser(name, help=summary, description=summary))
    values = vars(parser.parse_args(words))
    command = COMMANDS[values.pop("command")]
    return command, command.options(**values)


def main(words: Sequence[str]) -> int:
    command, options = parse_arguments(words)
    try:
        return command.run(options)
    except (EnvError, AgentError, ModelError, TrajectoryError, ValueError) as error:
        complaints.print(f"[bold]{type(error).__name__}[/bold]: {error}", highlight=False)
        return REFUSED
    except KeyboardInterrupt:
        complaints.print("stopped")
        return FAILED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
