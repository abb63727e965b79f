"""A picture of the whole desktop, kept beside the log of a run on a part of it."""

from pathlib import Path

from agent.events import Emit, Event, Observed
from env.desktop import Desktop
from trajectories.disk import RealDisk
from trajectories.durable import write_whole


def once_seen(desktop: Desktop, path: Path) -> Emit:
    """Writes the picture when the agent first looks at its window."""

    def keep(event: Event) -> None:
        if isinstance(event, Observed) and not path.exists():
            write_whole(RealDisk(), path, desktop.screenshot().png(), durable=False)

    return keep
