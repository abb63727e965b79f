"""`main.py serve-desktop`: a virtual desktop that speaks OSWorld's protocol, for other agents."""

import os
import secrets
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from agent.desktop_server import DesktopServer
from env.screen import ScreenSize
from env.virtual import VirtualDesktop
from ui.interrupt import StopOnInterrupt
from ui.options import NETWORK

TOKEN_VARIABLE = "MOONHAND_OSWORLD_TOKEN"
DONE = 0


def osworld_token() -> str | None:
    """The user's, for an OSWorld machine that wants one."""
    return os.environ.get(TOKEN_VARIABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeDesktop:
    """Open a virtual desktop and let agents of others work it as an OSWorld machine, from this
    computer alone and with a token (MOONHAND_OSWORLD_TOKEN, or a new one that is printed)."""

    port: Annotated[int, "of 127.0.0.1; 0: any that is free"] = 5000
    width: Annotated[int, "of the screen, in pixels"] = 1920
    height: Annotated[int, "of the screen, in pixels"] = 1080
    start: Annotated[tuple[str, ...], "a program to start on it; may be given several times"] = ()
    workspace: Annotated[Path | None, "a folder that is its ~/workspace"] = None
    network: Annotated[bool, NETWORK] = False


def serve_desktop(options: ServeDesktop, say: Callable[[str], None]) -> int:
    token = osworld_token() or secrets.token_urlsafe(24)
    size = ScreenSize(options.width, options.height)
    with (
        VirtualDesktop(
            size, accessible=True, workspace=options.workspace, network=options.network
        ) as desktop,
        StopOnInterrupt(about="serving a desktop") as control,
    ):
        for command in options.start:
            desktop.launch(shlex.split(command))
        server = DesktopServer(desktop, token, port=options.port)
        say(f"a desktop of {size.width}x{size.height} at osworld://127.0.0.1:{server.port}")
        if osworld_token() is None:
            say(f"{TOKEN_VARIABLE}={token}")
        server.serve(lambda: control.stopped is not None)
    return DONE
