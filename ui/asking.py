"""Asking a person in the terminal before an action, as the cockpit does on its screen.

On a desktop of the person's own the answer is struck on the very keyboard that a person takes
over by: what comes while a question is open is its answer, not a takeover.
"""

import os
import select
import sys
import time
from collections.abc import Callable
from typing import Literal

from agent.approval import Answer, Gate, Instead, No, Question, Yes
from agent.control import Control
from agent.safety import Mode

Ask = Literal["auto", "always", "risky", "watch"]
ASK = "which actions you are asked about here; auto: risky of a real desktop, none of others"

_LOOK_SECONDS = 0.1
_LATE_SECONDS = 0.2
"""What the keyboard was touched with may be told after the terminal has the line."""


def mode_of(ask: Ask, desktop: str) -> Mode:
    """
    Raises:
        ValueError: somebody is to be asked, and there is no terminal to ask them in.
    """
    mode: Mode = ("risky" if desktop == "real" else "watch") if ask == "auto" else ask
    if mode != "watch" and not sys.stdin.isatty():
        raise ValueError(
            f"you are asked before {'every action' if mode == 'always' else 'risky actions'} on"
            f" {desktop}, and there is no terminal to answer in; --ask watch lets it do them all"
        )
    return mode


def gate_at(terminal: int, mode: Mode, control: Control, say: Callable[[str], None]) -> Gate | None:
    """None: nobody is asked.

    Args:
        terminal: a descriptor that lines are read from.
    """
    return None if mode == "watch" else Gate(mode=mode, ask=TerminalAsker(terminal, control, say))


class TerminalAsker:
    """For the thread of the episode, which waits here."""

    def __init__(self, terminal: int, control: Control, say: Callable[[str], None]) -> None:
        self._terminal = terminal
        self._control = control
        self._say = say

    def __call__(self, question: Question) -> Answer | None:
        before = len(self._control.pauses)
        why = "; ".join(risk.why for risk in question.decision.risks)
        parsed = question.request.parsed
        self._say(f"  question {question.number}: {parsed.sentence} {question.request.code}")
        self._say(f"  Why asked: {why}. y, a (all such), n REASON or e CODE?")
        answer = self._answer(question.seconds)
        if answer is not None:
            time.sleep(_LATE_SECONDS)
            self._control.overlook_pauses(before)
        return answer

    def _answer(self, seconds: float | None) -> Answer | None:
        until = None if seconds is None else time.monotonic() + seconds
        heard = b""
        while self._control.stopped is None and (until is None or time.monotonic() < until):
            if not select.select([self._terminal], [], [], _LOOK_SECONDS)[0]:
                continue
            piece = os.read(self._terminal, 4096)
            if not piece:
                return No("the terminal was closed")
            heard += piece
            *lines, heard = heard.split(b"\n")
            for line in lines:
                if (answer := answer_in(line.decode("utf-8", "replace"))) is not None:
                    return answer
                self._say("  y, a (all such), n REASON or e CODE?")
        return None


def answer_in(line: str) -> Answer | None:
    """None: it is none."""
    verb, _, rest = line.strip().partition(" ")
    match verb.lower():
        case "y" | "yes":
            return Yes()
        case "a":
            return Yes(always=True)
        case "n" | "no":
            return No(rest.strip())
        case "e" if rest.strip():
            return Instead(rest.strip())
        case _:
            return None
