"""Programs started for a desktop, outside its sandbox: they die with us, however we die."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from typing import IO


def in_a_group(
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    keep_open: Sequence[int] = (),
    stderr: int | IO[bytes] = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own that ends with the calling thread, however that
    ends (`setpriv` must be there)."""
    return subprocess.Popen(
        ("setpriv", "--pdeathsig", "KILL", "--", *command),
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        start_new_session=True,
        pass_fds=tuple(keep_open),
    )


def end(process: subprocess.Popen[bytes]) -> None:
    """End the program and everything it started in its session."""
    for kind in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, kind)
        except ProcessLookupError:
            break
        try:
            process.wait(timeout=2.0)
        except subprocess.TimeoutExpired:
            continue
    process.wait()
