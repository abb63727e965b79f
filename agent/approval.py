"""A question before an action, and its answer.

The question is put by the process that runs the episode to whoever watches it, over a channel
that the desktop does not have (`agent.session`): what the agent clicks and types can never answer
it. No answer is no.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from agent.parser import Parsed
from agent.safety import Decision, Mode, decide
from env.actions import Action
from env.screen import Screenshot

ANSWER_SECONDS = 120.0
"""Then it is no: somebody who is there decides in less, and nobody else is to be waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An action that is about to be performed."""

    step: int
    parsed: Parsed
    code: str
    """Of the answer."""
    actions: tuple[Action, ...]
    """In pixels of the screen; empty if the model only says that it is over."""
    screenshot: Screenshot
    """What it was decided on."""


@dataclass(frozen=True, slots=True)
class Yes:
    always: bool = False
    """Also of everything of these kinds in this run."""


@dataclass(frozen=True, slots=True)
class No:
    reason: str = ""
    """Told to the model."""


@dataclass(frozen=True, slots=True)
class Instead:
    """Do something else."""

    code: str
    """As the model would write it (`agent.code`)."""


Answer = Yes | No | Instead


class Approver(Protocol):
    def __call__(self, request: Request) -> Answer: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    number: int
    """Counted from 1 in the run; an answer names the question it is meant for."""
    request: Request
    decision: Decision
    seconds: float | None
    """Until it is no by itself; None: it waits, since the person asked for it (a single step)."""


Asker = Callable[[Question], Answer | None]
"""Puts the question; None: nobody answered in time."""


@dataclass(slots=True, kw_only=True)
class Gate:
    """An approver that asks a person as `mode` says, and remembers what was allowed for good."""

    mode: Mode
    ask: Asker
    seconds: float = ANSWER_SECONDS
    held: Callable[[], bool] = lambda: False
    """True: ask before this action whatever the mode, and wait as long as it takes."""
    allowed: set[str] = field(default_factory=set)
    """Kinds of risk that got a standing yes."""
    num_asked: int = 0

    def __call__(self, request: Request) -> Answer:
        decision = decide(self.mode, request.parsed.sentence, request.actions)
        held = self.held()
        if not held and (not decision.ask or self._is_allowed(decision.kinds)):
            return Yes()
        self.num_asked += 1
        answer = self.ask(
            Question(
                number=self.num_asked,
                request=request,
                decision=decision,
                seconds=None if held else self.seconds,
            )
        )
        match answer:
            case None:
                return No(f"nobody answered within {self.seconds:g} seconds")
            case Yes(always=True):
                self.allowed.update(decision.kinds)
        return answer

    def _is_allowed(self, kinds: Sequence[str]) -> bool:
        return bool(kinds) and self.allowed.issuperset(kinds)
