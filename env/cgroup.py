"""A ceiling for the memory and the tasks of one sandbox, by the kernel's control groups.

Only who may write them can use them: root, as a rule. For others the sandbox has limits
of its own (`env.sandbox`).
"""

import os
import time
from contextlib import suppress
from pathlib import Path

from env.room import Limits

_ROOT = Path("/sys/fs/cgroup")
_PREFIX = "moonhand-"


def make_groups(limits: Limits) -> tuple[Path, ...]:
    """Groups that a process enters by writing its number to `cgroup.procs`; empty: not possible
    here. Removed by `remove_groups`."""
    _remove_orphans()
    name = f"{_PREFIX}{os.getpid()}-{time.monotonic_ns()}"
    made: list[Path] = []
    try:
        if (_ROOT / "cgroup.controllers").exists():
            with suppress(OSError):
                # Refused where it is so already and where this is not the topmost group.
                (_ROOT / "cgroup.subtree_control").write_text("+memory +pids")
            group = _made(_ROOT / name, made)
            _limit(group, "memory.max", limits.memory_bytes)
            _limit(group, "pids.max", limits.tasks)
            with suppress(OSError):
                (group / "memory.swap.max").write_text("0")
        else:
            _limit(
                _made(_ROOT / "memory" / name, made), "memory.limit_in_bytes", limits.memory_bytes
            )
            _limit(_made(_ROOT / "pids" / name, made), "pids.max", limits.tasks)
    except OSError:
        remove_groups(made)
        return ()
    return tuple(made)


def remove_groups(groups: "tuple[Path, ...] | list[Path]") -> None:
    """To be called when every process in them has been ended; they take a moment to leave."""
    for group in groups:
        until = time.monotonic() + 2.0
        while True:
            try:
                group.rmdir()
                break
            except FileNotFoundError:
                break
            except OSError:
                if time.monotonic() > until:
                    break
                time.sleep(0.01)


def _made(group: Path, made: list[Path]) -> Path:
    group.mkdir()
    made.append(group)
    return group


def _limit(group: Path, name: str, most: int) -> None:
    (group / name).write_text(str(most))


def _remove_orphans() -> None:
    """Groups of processes that were killed before they could remove them."""
    for folder in (_ROOT, _ROOT / "memory", _ROOT / "pids"):
        for group in folder.glob(f"{_PREFIX}*-*"):
            owner = group.name.removeprefix(_PREFIX).split("-")[0]
            if owner.isdigit() and not Path(f"/proc/{owner}").exists():
                with suppress(OSError):
                    group.rmdir()
