"""`main.py` without words: the cockpit; `attach`: back to a session; `host`: be one."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from ui.arguments import POSITIONAL
from ui.options import MODEL
from ui.runner import OpenPolicy, SessionSetup, host

Say = Callable[[str], None]
Ask = Callable[[str], str]
DONE = 0

DESKTOPS = "practice (pages to try it on), virtual, browser, fake, real or osworld://HOST:PORT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """Be a session of the cockpit: a desktop, a model and a log, watched through a socket."""

    socket: Annotated[Path, "where to listen", POSITIONAL]
    desktop: Annotated[str, DESKTOPS] = "practice"
    model: Annotated[str, MODEL] = "nano"
    style: Annotated[str, "of the prompt: nano, opencua or opencua-steady"] = "nano"
    constrained: Annotated[bool, "the model can write no code but that of an action"] = False
    url: Annotated[str | None, "a page to open first, in a browser"] = None
    ask: Annotated[Literal["always", "risky", "watch"], "which actions you are asked about"] = (
        "risky"
    )
    unattended: Annotated[Literal["go on", "stop"], "what becomes of it with nobody watching"] = (
        "go on"
    )
    answer_seconds: Annotated[float, "a question nobody answered by then is a no"] = 120.0
    out: Annotated[Path, "folder for the run folder"] = Path("runs")


def be_host(options: Host, open_policy: OpenPolicy) -> int:
    setup = SessionSetup(
        desktop=options.desktop,
        model=options.model,
        style=options.style,
        constrained=options.constrained,
        url=options.url,
        mode=options.ask,
        unattended=options.unattended,
        answer_seconds=options.answer_seconds,
        out=options.out,
    )
    host(setup, options.socket, open_policy)
    return DONE
