"""A subcommand is a frozen dataclass: its docstring is the help, its fields the flags.

@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    \"\"\"Write a run as one HTML page.\"\"\"

    run: Annotated[Path, "a run folder", POSITIONAL]
    out: Annotated[Path | None, "where to; the run folder if not given"] = None
"""

import argparse
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import Any, Literal

POSITIONAL = "positional"
"""Annotates a field that is given without a flag."""


@dataclass(frozen=True, slots=True)
class Command:
    options: type
    run: Callable[[Any], int]
    """Takes the options, gives the exit code."""


def parse_arguments(
    description: str, commands: Mapping[str, Command], words: Sequence[str], *, default: str = ""
) -> tuple[Command, Any]:
    """The command asked for, and its options.

    Args:
        default: the command of words that begin with none, be it because there are no words.

    Raises:
        SystemExit: with code 2 for words that fit no command, 0 for --help; both were printed.
        ValueError: the options refuse a value.
    """
    if default and (not words or words[0].startswith("--")) and list(words) != ["--help"]:
        words = [default, *words]
    parser = argparse.ArgumentParser(prog="main.py", description=description)
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in commands.items():
        summary = (command.options.__doc__ or "").strip()
        _add_flags(command.options, subparsers.add_parser(name, help=summary, description=summary))
    values = vars(parser.parse_args(words))
    command = commands[values.pop("command")]
    given = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
    return command, command.options(**given)


def _add_flags(options: type, parser: argparse.ArgumentParser) -> None:
    hints = typing.get_type_hints(options, include_extras=True)
    for each in fields(options):
        kind, text, *marks = typing.get_args(hints[each.name])
        if isinstance(kind, types.UnionType):
            kind = next(part for part in typing.get_args(kind) if part is not type(None))
        flag = f"--{each.name.replace('_', '-')}"
        if typing.get_origin(kind) is tuple and POSITIONAL in marks:
            kind = typing.get_args(kind)[0]
            parser.add_argument(each.name, type=kind, nargs="+", help=text)
        elif typing.get_origin(kind) is tuple:
            kind = typing.get_args(kind)[0]
            parser.add_argument(flag, type=kind, action="append", default=[], help=text)
        elif POSITIONAL in marks and typing.get_origin(kind) is Literal:
            parser.add_argument(each.name, choices=typing.get_args(kind), help=text)
        elif POSITIONAL in marks:
            parser.add_argument(each.name, type=kind, help=text)
        elif typing.get_origin(kind) is Literal:
            choices = typing.get_args(kind)
            default = None if each.default is MISSING else each.default
            kind = type(choices[0])
            parser.add_argument(
                flag,
                type=kind,
                choices=choices,
                default=default,
                required=default is None,
                help=f"{text} (default: {default})" if default is not None else text,
            )
        elif kind is bool:
            parser.add_argument(flag, action="store_true", help=text)
        elif each.default is MISSING:
            parser.add_argument(flag, type=kind, required=True, help=text)
        else:
            shown = "" if each.default in (None, "") else f" (default: {each.default})"
            # argparse reads a help text as a format: a lone % would break it.
            parser.add_argument(
                flag, type=kind, default=each.default, help=(text + shown).replace("%", "%%")
            )
