"""A process that is killed at a random moment, and what it had said until then."""

import os
import signal
import time
from collections.abc import Callable


def live_and_die(work: Callable[[int], None], seconds: float) -> bytes:
    """Fork, let the child work, kill it.

    Args:
        work: of the child; gets the end of a pipe to write to. It need not come back.
        seconds: of life.

    Returns:
        What it had written.
    """
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        # Never returns into the parent's code, whatever happens.
        try:
            os.close(read_end)
            work(write_end)
        finally:
            os._exit(1)
    os.close(write_end)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with os.fdopen(read_end, "rb") as pipe:
        return pipe.read()
