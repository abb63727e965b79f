"""Which expert solves which task, and what an expert says.

An expert reads the page's state as it is now and says the next action, so it can
also correct a learner who made mistakes. It never acts on the page itself.
"""

import difflib
import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from env.actions import Action
from env.errors import EnvError, UnknownTask
from env.miniwob.page import MiniWobPage
from env.screen import Box


class ExpertLost(EnvError):
    """The expert does not know what to do in this state; the message says what it saw."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    action: Action
    target: Box | None
    """What the action lands on, in pixels of the page; None for keys, text and waiting."""
    words: str
    """The action in one short sentence: `Click the "Submit" button.`"""
    thought: str = ""
    """Why, in at most about eight words; the same in the same state."""


Expert = Callable[[MiniWobPage], Move]
"""Reads the page now and says the next action; raises `ExpertLost`."""

_EXPERTS: dict[str, Expert] = {}
"""Filled once, while the modules of this package are imported; constant afterwards."""


def expert(*tasks: str) -> Callable[[Expert], Expert]:
    """Register the decorated function for these tasks; a task has one expert."""

    def register(function: Expert) -> Expert:
        for task in tasks:
            assert task not in _EXPERTS, f"two experts for {task}"
            _EXPERTS[task] = function
        return function

    return register


def expert_for(task: str) -> Expert:
    """The expert of a task.

    Raises:
        UnknownTask: nobody wrote one; the message lists near names.
    """
    _load_all()
    if task not in _EXPERTS:
        near = ", ".join(difflib.get_close_matches(task, _EXPERTS, n=5)) or "none near"
        raise UnknownTask(f"no expert for the task {task!r}; near names: {near}")
    return _EXPERTS[task]


def expert_tasks() -> tuple[str, ...]:
    """Every task with an expert, by name."""
    _load_all()
    return tuple(sorted(_EXPERTS))


@cache
def _load_all() -> None:
    """Once: a module added later is not for a process that runs already."""
    package = __name__.rpartition(".")[0]
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        importlib.import_module(f"{package}.{module.name}")
