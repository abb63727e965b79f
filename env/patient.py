"""A desktop on a busy machine: applications are given as much longer as others are before them.

Four desktops on two cores draw and answer later than one. Whoever waits for a
screen to settle waits `reaction_seconds` between two looks; here that grows
with the machine's load, so that a busy machine changes how long a task takes
and not what comes of it.
"""

import os

from env.actions import Action
from env.desktop import Desktop
from env.screen import Box, Screenshot, ScreenSize

MOST_PATIENCE = 4.0


def patience(num_desktops: int = 1) -> float:
    """How many times longer than on an idle machine something may take now, 1 to MOST_PATIENCE.

    Args:
        num_desktops: at work here at once; the load average learns of them within a minute only.
    """
    num_cores = len(os.sched_getaffinity(0))
    load, _, _ = os.getloadavg()
    return min(max(1.0, num_desktops / num_cores, load / num_cores), MOST_PATIENCE)


class PatientDesktop(Desktop):
    """Borrows the desktop behind; closing this closes nothing."""

    def __init__(self, desktop: Desktop, num_desktops: int = 1) -> None:
        self._desktop = desktop
        self._num_desktops = num_desktops

    @property
    def size(self) -> ScreenSize:
        return self._desktop.size

    @property
    def reaction_seconds(self) -> float:
        return self._desktop.reaction_seconds * patience(self._num_desktops)

    def screenshot(self) -> Screenshot:
        return self._desktop.screenshot()

    def screenshot_of(self, box: Box) -> Screenshot:
        return self._desktop.screenshot_of(box)

    def perform(self, action: Action) -> None:
        self._desktop.perform(action)

    def close(self) -> None:
        """Does nothing: the desktop belongs to whoever opened it."""
