"""Which oracle solves which task, and what an oracle says.

An oracle is a generator: it looks at the desktop, waits until it shows what is
needed, and yields the next thing to do. It never acts itself, and stops when the
task is done. A task file names its oracle: `"oracle": "calc.sum_column"`.
"""

import difflib
import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from env.actions import Action
from env.errors import UnknownTask
from env.screen import Box
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

_ORACLES: dict[str, Oracle] = {}
"""Filled once, while the modules of this package are imported; constant afterwards."""


def oracle(function: Oracle) -> Oracle:
    """Register the decorated function under its module's and its own name."""
    name = f"{function.__module__.rpartition('.')[2]}.{function.__name__}"
    assert name not in _ORACLES, f"two oracles called {name}"
    _ORACLES[name] = function
    return function


def oracle_named(name: str) -> Oracle:
    """
    Raises:
        UnknownTask: nobody wrote one; the message lists near names.
    """
    _load_all()
    if name not in _ORACLES:
        near = ", ".join(difflib.get_close_matches(name, _ORACLES, n=5)) or "none near"
        raise UnknownTask(f"no oracle is called {name!r}; near names: {near}")
    return _ORACLES[name]


def oracle_names() -> tuple[str, ...]:
    _load_all()
    return tuple(sorted(_ORACLES))


@cache
def _load_all() -> None:
    package = __name__.rpartition(".")[0]
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        importlib.import_module(f"{package}.{module.name}")
