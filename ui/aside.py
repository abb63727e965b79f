"""The cockpit makes room for the agent, which works on the same cores."""

import gc
import os
import sys


def step_aside() -> None:
    """This thread, and those it starts, no longer push another off its core when they wake.

    They get their turn within a tick of the scheduler all the same. What has been made so far is
    taken to stay: a third of a drawing's time went into looking through it for garbage.
    """
    gc.collect()
    gc.freeze()
    if sys.platform == "linux":
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def stand_up() -> None:
    """The same as every other process again, for one that the cockpit started."""
    if sys.platform == "linux":
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
