"""Programs started for a desktop, outside its sandbox: they die with us, however we die."""

import os
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO


def scratch_folder(kind: str) -> Path:
    """A new folder of this process's own; those of processes that were killed are removed."""
    prefix = f"moonhand-{kind}-"
    for left in Path(tempfile.gettempdir()).glob(f"{prefix}*-*"):
        owner = left.name.removeprefix(prefix).split("-")[0]
        # Of others it is theirs to remove.
        if owner.isdigit() and not Path("/proc", owner).exists() and _is_ours(left):
            shutil.rmtree(left, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{prefix}{os.getpid()}-"))


def _is_ours(folder: Path) -> bool:
    with suppress(OSError):
        found = folder.lstat()
        return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
    return False


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
