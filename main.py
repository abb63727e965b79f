"""Moonhand's commands, one subcommand each. The only place that names concrete classes.

Exit codes: 0 done, 1 failed, 2 refused or misconfigured.
"""

import argparse
import sys
import types
import typing
from collections.abc import Callable, Sequence
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Annotated, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from agent.collect import CollectConfig, OpenCollector
from agent.errors import AgentError
from agent.miniwob import tasks_named, training_jobs
from agent.policy import Policy
from agent.workers import run_jobs
from env.errors import EnvError
from model.errors import ModelError
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
    from model.errors import CheckpointError

    path = NANO_WEIGHTS if name == "nano" else Path(name)
    if not (path / "config.json").is_file():
        raise CheckpointError(
            f"no weights in {path}: no config.json; expected a folder with config.json and"
            " *.safetensors, or make the small network with `make nano`"
        )
    return ChatModel.from_pretrained(path)


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


@dataclass(frozen=True, slots=True)
class Command:
    options: type
    run: Callable[[Any], int]


COMMANDS = {
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
