"""Every storage call of a run, failing in every way."""

import errno
import random
from pathlib import Path

from benchmarks.log_proof.workload import Report, begin, found, take_steps
from trajectories.crash_disk import CrashDisk, Trouble
from trajectories.errors import TrajectoryError
from trajectories.store import RunStore

FAULTS = {
    "ENOSPC": (errno.ENOSPC, 0.0),
    "EIO": (errno.EIO, 0.5),
    "EDQUOT": (errno.EDQUOT, 0.0),
    "EROFS": (errno.EROFS, 0.0),
    "EINTR": (errno.EINTR, 0.0),
    "short write": (errno.ENOSPC, 0.7),
}


def prove_faults(num_steps: int, seed: int) -> Report:
    """Nothing acknowledged is lost, and nothing was performed whose intent would not survive."""
    report = Report(name="failing storage calls")
    num_calls = _num_calls(num_steps)
    for name, (error, share) in FAULTS.items():
        for call in range(num_calls):
            report.cases += 1
            trouble = _is_bad(num_steps, Trouble(call, error, share), report, seed + call)
            if trouble:
                report.bad.append(f"{name} at call {call}: {trouble}")
    report.count("calls", num_calls)
    return report


def _num_calls(num_steps: int) -> int:
    disk = CrashDisk()
    _write(disk, num_steps, [], [])
    return disk.num_calls


def _write(disk: CrashDisk, num_steps: int, acknowledged: list[int], performed: list[int]) -> Path:
    with RunStore.create(Path("/runs"), policy="proof", disk=disk) as store:
        begin(store)
        take_steps(store, 1, num_steps, acknowledged.append, performed.append)
    return store.folder


def _is_bad(num_steps: int, trouble: Trouble, report: Report, seed: int) -> str | None:
    disk = CrashDisk(trouble)
    acknowledged: list[int] = []
    performed: list[int] = []
    try:
        _write(disk, num_steps, acknowledged, performed)
    except OSError:
        report.count("runs ended by it")
    except TrajectoryError as error:
        return f"ended as {type(error).__name__}: {error}"
    disk.trouble = None
    for left in (disk.after_kill(), disk.after_crash(random.Random(seed))):
        runs = left.names(Path("/runs")) if left.exists(Path("/runs")) else []
        if not runs:
            if performed:
                return "the run folder is gone"
            continue
        folder = Path("/runs") / runs[0]
        try:
            RunStore(folder, disk=left)
        except TrajectoryError as error:
            return f"{type(error).__name__} on opening again: {error}"
        steps, wrong = found(left, folder)
        if wrong:
            return wrong
        if not set(acknowledged) | set(performed) <= set(steps):
            return f"performed {performed}, acknowledged {acknowledged}, found {steps}"
    report.count("actions performed", len(performed))
    return None
