"""`main.py` without words: the cockpit; `attach`: back to a session; `host`: be one."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import platformdirs

from agent.prompts import AUTO
from agent.watch import SessionGone, opened, private_folder, sessions
from ui.arguments import POSITIONAL
from ui.aside import step_aside
from ui.desktops import real_settings
from ui.hang_up import end_with_terminal
from ui.options import (
    MODEL,
    MONITOR,
    NETWORK,
    NO_SANDBOX,
    POINTER,
    STOP_KEY,
    STOP_WITHIN,
    STYLE,
    refuse_unless_virtual,
)
from ui.plain import PlainCockpit
from ui.runner import OPEN_SECONDS, OpenPolicy, SessionSetup, host, launch

Say = Callable[[str], None]
Ask = Callable[[str], str]
DONE = 0

DESKTOPS = "practice (pages to try it on), virtual, browser, fake, real or osworld://HOST:PORT"


Runs = Annotated[Path, "folder of the runs"]
Results = Annotated[Path, "folder of evaluations, for the board"]
Theme = Annotated[Literal["night", "day"], "how it looks"]
HowDrawn = Annotated[
    Literal["auto", "blocks", "sixel", "kitty"], "how pictures are drawn in this terminal"
]
Plain = Annotated[bool, "lines instead of a screen, for screen readers"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOptions:
    """What a session is opened with."""

    desktop: Annotated[str, DESKTOPS] = "practice"
    model: Annotated[str, MODEL] = "nano"
    style: Annotated[str, STYLE] = AUTO
    constrained: Annotated[bool, "the model can write no code but that of an action"] = False
    url: Annotated[str | None, "a page to open first, in a browser"] = None
    no_sandbox: Annotated[bool, NO_SANDBOX] = False
    network: Annotated[bool, NETWORK] = False
    monitor: Annotated[str | None, MONITOR] = None
    pointer: Annotated[bool, POINTER] = False
    stop_key: Annotated[str, STOP_KEY] = "escape"
    stop_within: Annotated[float, STOP_WITHIN] = 0.6
    ask: Annotated[Literal["always", "risky", "watch"], "which actions you are asked about"] = (
        "risky"
    )
    unattended: Annotated[Literal["go on", "stop"], "what becomes of it with nobody watching"] = (
        "go on"
    )
    answer_seconds: Annotated[float, "a question nobody answered by then is a no"] = 120.0
    out: Runs = Path("runs")

    def __post_init__(self) -> None:
        refuse_unless_virtual(self.desktop, network=self.network)

    def setup(self) -> SessionSetup:
        return SessionSetup(
            desktop=self.desktop,
            model=self.model,
            style=self.style,
            constrained=self.constrained,
            url=self.url,
            sandbox=not self.no_sandbox,
            network=self.network,
            real=real_settings(self),
            mode=self.ask,
            unattended=self.unattended,
            answer_seconds=self.answer_seconds,
            out=self.out.absolute(),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Host(SessionOptions):
    """Be a session of the cockpit: a desktop, a model and a log, watched through a socket."""

    socket: Annotated[Path, "where to listen", POSITIONAL]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cockpit(SessionOptions):
    """Open the cockpit: give a task, watch, steer, stop, record and compare (the default)."""

    max_steps: Annotated[int, "steps before a task is given up"] = 15
    results: Results = Path("results")
    theme: Theme = "night"
    graphics: HowDrawn = "auto"
    plain: Plain = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachTo:
    """Go back to a task that was left running."""

    session: Annotated[str, "which one, if there are several: its number or name"] = ""
    out: Runs = Path("runs")
    results: Results = Path("results")
    theme: Theme = "night"
    graphics: HowDrawn = "auto"
    plain: Plain = False


def be_host(options: Host, open_policy: OpenPolicy) -> int:
    host(options.setup(), options.socket, open_policy)
    return DONE


def open_cockpit(options: Cockpit, say: Say, ask: Ask) -> int:
    setup = options.setup()
    if options.plain:
        path = launch(setup, sockets())
        wait_until_there(path)
        PlainCockpit(path, say, partial(ask, ""), options.max_steps).run()
        return DONE
    return _show(setup, options, attach=None, max_steps=options.max_steps)


def attach(options: AttachTo, say: Say, ask: Ask) -> int:
    """
    Raises:
        ValueError: nothing is running, or several are and none was named.
    """
    found = sessions(sockets())
    if not found:
        raise ValueError("nothing is running; `python main.py` begins")
    if options.session:
        chosen = [
            path
            for number, path in enumerate(found, 1)
            if options.session in (str(number), path.stem)
        ]
    else:
        chosen = found
    if len(chosen) != 1:
        for number, path in enumerate(found, 1):
            told = opened(path)
            say(f"{number}  {told.session}  {told.model} on {told.desktop}, process {told.pid}")
        raise ValueError("which one? attach --session NUMBER")
    if options.plain:
        PlainCockpit(chosen[0], say, partial(ask, ""), max_steps=15).run()
        return DONE
    told = opened(chosen[0])
    setup = SessionSetup(desktop=told.desktop, model=told.model, out=options.out.absolute())
    return _show(setup, options, attach=chosen[0], max_steps=15)


def sockets() -> Path:
    """Where sessions listen: a folder of the user's own, gone when they log out."""
    return private_folder(platformdirs.user_runtime_path("moonhand"))


def wait_until_there(path: Path) -> None:
    """Raises: SessionGone: no session by then."""
    until = time.monotonic() + OPEN_SECONDS
    while not path.exists():
        if time.monotonic() > until:
            raise SessionGone(f"no session within {OPEN_SECONDS:g} s; see {path}")
        time.sleep(0.05)


def _show(
    setup: SessionSetup, options: Cockpit | AttachTo, *, attach: Path | None, max_steps: int
) -> int:
    # Half a second of imports that the other commands do without.
    from ui.app import Cockpit as CockpitApp
    from ui.app import Places
    from ui.graphics import graphics_of

    places = Places(
        sockets=sockets(),
        history=platformdirs.user_state_path("moonhand") / "tasks",
        runs=options.out.absolute(),
        results=options.results.absolute(),
    )
    app = CockpitApp(
        places,
        setup,
        graphics=graphics_of(options.graphics),
        attach=attach,
        max_steps=max_steps,
        theme=options.theme,
    )
    end_with_terminal(sys.stdin.fileno())
    step_aside()
    app.run()
    return app.return_code or DONE
