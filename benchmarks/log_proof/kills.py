"""Real processes writing to a real disk, killed at random moments."""

import os
import random
import struct
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.log_proof.lives import live_and_die
from benchmarks.log_proof.workload import Report, begin, found, take_steps
from trajectories.disk import RealDisk
from trajectories.store import RunStore, find_runs

KILLS_A_RUN = 20
MOST_STEPS_WAITED_FOR = 3
"""With none, a process is killed while it starts and recovers, or soon after."""
LONGEST_REST_SECONDS = 0.02
"""How long it lives on after the steps waited for; a step takes a few milliseconds."""
_STEP = struct.Struct(">I")


def prove_kills(num_kills: int, seed: int) -> Report:
    """Steps a process had acknowledged, and those it performed, after SIGKILL and a new start."""
    report = Report(name="SIGKILLs")
    chance = random.Random(seed)
    while report.cases < num_kills:
        with tempfile.TemporaryDirectory() as folder:
            told: list[int] = []
            for _ in range(min(KILLS_A_RUN, num_kills - report.cases)):
                told += _live_and_die(Path(folder), chance, report)
                report.cases += 1
                trouble = _is_bad(Path(folder), told)
                if trouble:
                    report.bad.append(f"seed {seed}, kill {report.cases}: {trouble}")
    return report


def _live_and_die(folder: Path, chance: random.Random, report: Report) -> list[int]:
    """One process until it is killed. Gives the steps it said it had performed."""
    awaited = chance.randint(0, MOST_STEPS_WAITED_FOR)
    seconds = chance.random() * LONGEST_REST_SECONDS
    data = live_and_die(partial(_write_on, folder), seconds, awaited * _STEP.size)
    steps = [step for (step,) in _STEP.iter_unpack(data[: len(data) // 4 * 4])]
    if len(steps) < awaited:
        report.bad.append(f"a process ended by itself after {len(steps)} steps of {awaited}")
    report.count("steps acknowledged", len(steps))
    report.count("killed before a step", not steps)
    return steps


def _write_on(folder: Path, pipe: int) -> None:
    if any(folder.glob("run-*/run.json")):
        store = RunStore(find_runs(folder)[0])
        steps, _ = found(RealDisk(), store.folder)
    else:
        for leftover in folder.glob("run-*"):
            leftover.rename(folder / f"unborn-{leftover.name}")
        store = RunStore.create(folder, policy="proof")
        begin(store)
        steps = []

    def tell(step: int) -> None:
        os.write(pipe, _STEP.pack(step))

    take_steps(store, len(steps) + 1, 10_000, lambda step: None, tell)


def _is_bad(folder: Path, told: list[int]) -> str | None:
    if len(told) != len(set(told)):
        return f"performed twice: {sorted(step for step in told if told.count(step) > 1)}"
    runs = list(folder.glob("run-*/run.json"))
    if not runs:
        return "the run is gone" if told else None
    steps, wrong = found(RealDisk(), runs[0].parent)
    if wrong:
        return wrong
    if not set(told) <= set(steps):
        return f"performed {max(told)} steps, found {len(steps)}"
    return None
