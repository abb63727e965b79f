"""Which expert solves which task, and what an expert says.

An expert reads the page's state as it is now and says the next action, so it can
also correct a learner who made mistakes. It never acts on the page itself.
"""

from collections.abc import Callable
from dataclasses import dataclass

from env.actions import Action
from env.errors import EnvError
from env.miniwob.page import MiniWobPage
from env.screen import Box
from env.solvers import Solvers


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

_EXPERTS: Solvers[Expert] = Solvers(__name__.rpartition(".")[0], "expert")


def expert(*tasks: str) -> Callable[[Expert], Expert]:
    """Register the decorated function for these tasks; a task has one expert."""

    def register(function: Expert) -> Expert:
        for task in tasks:
            _EXPERTS.add(task, function)
        return function

    return register


def expert_for(task: str) -> Expert:
    """The expert of a task.

    Raises:
        UnknownTask: nobody wrote one; the message lists near names.
    """
    return _EXPERTS.named(task)


def expert_tasks() -> tuple[str, ...]:
    """Every task with an expert, by name."""
    return _EXPERTS.names()
