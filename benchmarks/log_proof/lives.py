"""A process that is killed at a random moment, and what it had said until then."""

import os
import select
import signal
import time
from collections.abc import Callable

PATIENCE_SECONDS = 60.0
"""How long a child may be silent that is waited for."""


def live_and_die(work: Callable[[int], None], seconds: float, after_bytes: int = 0) -> bytes:
    """Fork, let the child work, kill it.

    Args:
        work: of the child; gets the end of a pipe to write to. It need not come back.
        seconds: of life, after it had written so much.
        after_bytes: by which a life is as eventful on a busy machine as on an idle one.

    Returns:
        What it had written: less than `after_bytes` only if it ended, or hung, by itself.
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
    with os.fdopen(read_end, "rb", buffering=0) as pipe:
        data = b""
        while len(data) < after_bytes and select.select([pipe], [], [], PATIENCE_SECONDS)[0]:
            more = pipe.read(after_bytes - len(data))
            if not more:
                break
            data += more
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return data + pipe.readall()
