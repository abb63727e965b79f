"""`main.py stop`: stop everything of this user's that runs, from another terminal."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from env.stop_socket import runtime_folder, stop_all

STOPPED, NOTHING_RAN = 0, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Stop every Moonhand that runs under this user; what does not answer is killed."""

    folder: Annotated[Path | None, "where they listen, if not in this user's own place"] = None


def stop(options: Stop, say: Callable[[str], None]) -> int:
    """Exit code 1: nothing was running."""
    found = stop_all(options.folder or runtime_folder(), "stopped by main.py stop")
    for stopped in found:
        if stopped.killed:
            say(f"killed {stopped.run}, which did not answer")
        else:
            say(f"stopped {stopped.run}: {stopped.about}")
    if not found:
        say("nothing is running")
    return STOPPED if found else NOTHING_RAN
