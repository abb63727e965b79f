"""Is everything here that is needed? Each check says what it saw, and what would mend it."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from env.browser import chromium_executable
from env.errors import EnvError
from ui.options import NANO_WEIGHTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    name: str
    good: bool
    seen: str
    mend: str = ""
    """A command, or what to do; empty if all is well."""


_PROGRAMS = (
    ("Xvfb", "xvfb", "a desktop of its own"),
    ("openbox", "openbox", "windows on it"),
    ("setpriv", "util-linux", "programs that end with it"),
    ("bwrap", "bubblewrap", "programs shut off from your files"),
    ("dbus-daemon", "dbus", "knowing a password field"),
)
_MEMORY_BYTES = 2 * 2**30
_DISK_BYTES = 2 * 2**30


def findings(runs: Path) -> Iterator[Finding]:
    """One after another, each in well under a second."""
    for program, package, purpose in _PROGRAMS:
        path = shutil.which(program)
        yield Finding(
            name=f"{program}: {purpose}",
            good=path is not None,
            seen=path or "not installed",
            mend="" if path else f"apt-get install {package}",
        )
    yield _tried("Chromium: pages", lambda: str(chromium_executable()))
    yield Finding(
        name="nano: the small network",
        good=(NANO_WEIGHTS / "config.json").is_file(),
        seen=str(NANO_WEIGHTS),
        mend="" if (NANO_WEIGHTS / "config.json").is_file() else "make nano",
    )
    free = psutil.virtual_memory().available
    yield Finding(
        name="memory: 2 GB free",
        good=free >= _MEMORY_BYTES,
        seen=f"{free / 2**30:.1f} GB free",
        mend="" if free >= _MEMORY_BYTES else "close something large",
    )
    where = runs if runs.is_dir() else runs.parent
    space = shutil.disk_usage(where).free
    yield Finding(
        name="disk: 2 GB free for runs",
        good=space >= _DISK_BYTES,
        seen=f"{space / 2**30:.1f} GB free at {where}",
        mend="" if space >= _DISK_BYTES else "delete old runs (Replay, d)",
    )
    writable = os.access(where, os.W_OK)
    yield Finding(
        name="runs can be written",
        good=writable,
        seen=str(where),
        mend="" if writable else f"--out FOLDER, or chown {where}",
    )


def _tried(name: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(name=name, good=True, seen=look())
    except EnvError as error:
        return Finding(name=name, good=False, seen=str(error), mend="make setup")
