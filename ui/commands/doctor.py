"""`main.py doctor`: what this machine can do, and how to mend what it cannot."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from agent.doctor import FindWeights, State, findings, verdict
from ui.options import MODEL

EXIT_CODES = {State.GOOD: 0, State.LACKING: 0, State.BROKEN: 1}
_MARKS = {State.GOOD: "ok", State.LACKING: "--", State.BROKEN: "NO"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Doctor:
    """Say what this machine can do (display, sandbox, browser, weights, memory, threads) and how
    to mend what is missing. Exit code 1: `make demo` would not run."""

    model: Annotated[str, MODEL] = "nano"
    out: Annotated[Path, "folder that runs would be written to"] = Path("runs")


def doctor(options: Doctor, say: Callable[[str], None], find: FindWeights) -> int:
    found = []
    for each in findings(os.environ, options.model, options.out, find):
        found.append(each)
        say(f"{_MARKS[each.state]}  {each.name:<9}{each.told}")
        if each.mend:
            say(f"    {'':<9}mend: {each.mend}")
    return EXIT_CODES[verdict(found)]
