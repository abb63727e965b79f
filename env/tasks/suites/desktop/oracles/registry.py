"""Which oracle solves which task, and what an oracle says.

An oracle is a generator: it looks at the desktop, waits until it shows what is
needed, and yields the next thing to do. It never acts itself, and stops when the
task is done. A task file names its oracle: `"oracle": "calc.sum_column"`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from env.actions import Action
from env.screen import Box
from env.solvers import Solvers
from env.tasks.suites.desktop.oracles.sight import Sight


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    action: Action
    target: Box | None
    """What the action lands on, in pixels of the screen; None for keys and text."""
    words: str
    """The action in one short sentence: `Click the "Save" button.`"""
    thought: str = ""
    """Why, in at most about eight words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUp:
    """The task cannot be done, and the last answer is to say so."""

    words: str
    thought: str


Oracle = Callable[[Sight], Iterator[Move | GiveUp]]

_ORACLES: Solvers[Oracle] = Solvers(__name__.rpartition(".")[0], "oracle")


def oracle(function: Oracle) -> Oracle:
    """Register the decorated function under its module's and its own name."""
    _ORACLES.add(f"{function.__module__.rpartition('.')[2]}.{function.__name__}", function)
    return function


def oracle_named(name: str) -> Oracle:
    """
    Raises:
        UnknownTask: nobody wrote one; the message lists near names.
    """
    return _ORACLES.named(name)


def oracle_names() -> tuple[str, ...]:
    return _ORACLES.names()
