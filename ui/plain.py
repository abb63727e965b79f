"""The same reports as lines, for a screen reader, a log or a terminal that shows no pictures.

step 2: looked (0.14 s)
step 2: Click the "Submit" button. click at 412, 230 (0.21 s)
question 1: click at 412, 230. Why asked: it may show something to others. y, a, n REASON?
"""

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path

from agent.reports import (
    Acted,
    Answered,
    Asking,
    Attach,
    Began,
    Begin,
    Close,
    Declined,
    Glimpse,
    GoOn,
    Halt,
    Heard,
    Hold,
    OneStep,
    Opened,
    Order,
    Over,
    Planned,
    Reply,
    Report,
    Saw,
    State,
    Streamed,
    Tell,
    Trouble,
)
from agent.watch import SessionGone, Watch

HELP = (
    "Type a task, or: stop, pause, go, step, tell WORDS, quit. To a question: y, a (all such),"
    " n REASON, e CODE."
)


def line_of(report: Report) -> str | None:
    """None: nothing that is to be read out."""
    match report:
        case Opened():
            return f"session of {report.model} on {report.desktop}, process {report.pid}"
        case State(mood="working" | "asking"):
            return None
        case State():
            return f"{report.mood}: {report.reason}" if report.reason else report.mood
        case Began():
            return f"task: {report.instruction} (at most {report.max_steps} steps)"
        case Saw():
            return f"step {report.step}: looked ({report.seconds:.2f} s)"
        case Streamed() | Glimpse():
            return None
        case Planned():
            thought = f"{report.thought} -> " if report.thought else ""
            said = f"{thought}{report.sentence or report.words}".replace("\n", " ")
            return f"step {report.step}: {said} {report.words} ({report.seconds:.2f} s)"
        case Asking():
            why = "; ".join(why for _, why in report.risks)
            return (
                f"question {report.number}: {report.sentence} {report.words}."
                f" Why asked: {why}. y, a, n REASON or e CODE?"
            )
        case Answered():
            return f"question {report.number} answered: {report.words}"
        case Acted():
            return f"step {report.step}: done"
        case Declined():
            return f"step {report.step}: not done: {report.reason}"
        case Heard():
            return f"told: {report.text}"
        case Over():
            return f"over: {report.ending}, {report.steps} steps, {report.seconds:.1f} s"
        case Trouble():
            return f"trouble: {report.text}"


def order_of(words: str, *, busy: bool, question: int | None, max_steps: int) -> Order | None:
    """What a typed line asks for; None: nothing."""
    verb, _, rest = words.strip().partition(" ")
    if question is not None:
        match verb:
            case "y":
                return Reply(number=question, verdict="yes")
            case "a":
                return Reply(number=question, verdict="always")
            case "n":
                return Reply(number=question, verdict="no", text=rest)
            case "e" if rest:
                return Reply(number=question, verdict="instead", text=rest)
    match verb:
        case "":
            return None
        case "quit":
            return Close()
        case "stop" if busy:
            return Halt()
        case "pause" if busy:
            return Hold()
        case "go" if busy:
            return GoOn()
        case "step" if busy:
            return OneStep()
        case "tell" if busy and rest:
            return Tell(text=rest)
        case _ if busy:
            return None
        case _:
            return Begin(instruction=words.strip(), max_steps=max_steps)


class PlainCockpit:
    """Lines out, lines in."""

    def __init__(
        self, path: Path, say: Callable[[str], None], ask: Callable[[], str], max_steps: int
    ) -> None:
        """
        Args:
            ask: gives a line; EOFError ends this end, not the session.
        """
        self._watch = Watch(path)
        self._say = say
        self._ask = ask
        self._max_steps = max_steps
        self._busy = False
        self._question: int | None = None

    def run(self) -> None:
        """Until the session ends."""
        self._watch.order(Attach())
        threading.Thread(target=self._read, daemon=True).start()
        self._say(HELP)
        for report in self._watch.reports():
            self._take(report)

    def _take(self, report: Report) -> None:
        match report:
            case State(mood=mood):
                self._busy = mood in ("working", "paused", "asking")
            case Asking(number=number):
                self._question = number
            case Answered() | Over():
                self._question = None
        if (line := line_of(report)) is not None:
            self._say(line)

    def _read(self) -> None:
        with contextlib.suppress(SessionGone):
            while True:
                try:
                    words = self._ask()
                except EOFError:
                    self._watch.close()
                    return
                order = order_of(
                    words, busy=self._busy, question=self._question, max_steps=self._max_steps
                )
                if order is None:
                    self._say(HELP)
                else:
                    self._watch.order(order)
