"""Power cuts at every call, each leaving many of the states a disk may be found in."""

import random
from pathlib import Path

from benchmarks.log_proof.workload import Report, begin, found, take_steps
from trajectories.crash_disk import CrashDisk, PowerCut, Trouble
from trajectories.disk import Disk
from trajectories.errors import TrajectoryError
from trajectories.store import RunStore

STATES_A_CRASH = 10
NUM_STEPS = 4
NUM_CALLS = 60
"""Of a process that writes so many steps, and a few more: some are not interrupted."""
RUNS = Path("/runs")


class _Writer:
    """One process after another at the same run, until the power goes."""

    def __init__(self, durable: bool) -> None:
        self._durable = durable
        self.folder: Path | None = None
        self.acknowledged = 0

    def write(self, disk: Disk, chance: random.Random) -> None:
        if self.folder is None:
            store = RunStore.create(RUNS, policy="proof", disk=disk, durable=self._durable)
            begin(store)
        else:
            store = RunStore(self.folder, disk=disk, durable=self._durable)
        # From here on the run folder must be found again.
        self.folder = store.folder
        # What stands in the file goes on being counted from there, acknowledged or not.
        steps, _ = found(disk, store.folder)
        take_steps(store, len(steps) + 1, NUM_STEPS, self._acknowledge, lambda step: None)
        if chance.random() < 0.5:
            store.close()
        else:
            store.flush()

    def _acknowledge(self, step: int) -> None:
        self.acknowledged = step


def prove_crashes(num_states: int, seed: int, *, durable: bool = True) -> Report:
    """Every acknowledged step is found, in order and once, with its screenshot, in every state.

    Args:
        durable: False: the log syncs nothing, to see that this would be noticed.
    """
    report = Report(name="states after a power cut")
    crash = 0
    while report.cases < num_states:
        chance = random.Random(seed * 1_000_003 + crash)
        crash += 1
        disk, writer = _crashed(chance, report, _Writer(durable))
        for state in range(min(STATES_A_CRASH, num_states - report.cases)):
            report.cases += 1
            trouble = _state_is_bad(disk, writer, chance, report)
            if trouble:
                report.bad.append(f"seed {seed}, crash {crash - 1}, state {state}: {trouble}")
    report.count("crashes", crash)
    return report


def _crashed(chance: random.Random, report: Report, writer: _Writer) -> tuple[CrashDisk, _Writer]:
    """A disk at the moment the power went, after none to two earlier processes died."""
    disk = CrashDisk()
    for _ in range(chance.choice((0, 0, 0, 1, 2))):
        disk.trouble = Trouble(chance.randrange(NUM_CALLS), None, chance.choice((0.0, 0.4, 1.0)))
        disk.num_calls = 0
        try:
            writer.write(disk, chance)
        except PowerCut:
            report.count("processes killed before")
        disk = disk.after_kill()
    disk.trouble = Trouble(chance.randrange(NUM_CALLS), None, chance.choice((0.0, 0.4, 1.0)))
    disk.num_calls = 0
    try:
        writer.write(disk, chance)
    except PowerCut:
        report.count("power cuts while writing")
    return disk, writer


def _state_is_bad(
    disk: CrashDisk, writer: _Writer, chance: random.Random, report: Report
) -> str | None:
    trouble = Trouble(chance.randrange(12), None, 0.4) if chance.random() < 0.3 else None
    left = disk.after_crash(chance, trouble)
    if writer.folder is None or not left.exists(writer.folder):
        return "the run folder is gone" if writer.acknowledged else None
    while True:
        try:
            RunStore(writer.folder, disk=left)
            break
        except PowerCut:
            report.count("power cuts while recovering")
            left = left.after_crash(chance)
        except TrajectoryError as error:
            return f"{type(error).__name__}: {error}"
    steps, wrong = found(left, writer.folder)
    if wrong:
        return wrong
    if len(steps) < writer.acknowledged:
        return f"{len(steps)} steps found, {writer.acknowledged} acknowledged"
    report.count("unacknowledged steps found", len(steps) - writer.acknowledged)
    report.count(
        "torn tails", any(name.startswith("steps.torn") for name in left.names(writer.folder))
    )
    return None
