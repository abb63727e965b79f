"""An evaluation killed at random moments and started again: is anything lost, or done twice?

python -m benchmarks.eval_proof --kills 100 --out eval-proof.json

The runner is killed (SIGKILL) as it is, its workers left to find out for
themselves. After every kill each result that was finished must be the same
file; in the end the table must be that of an evaluation nobody disturbed. Most
kills fall on tasks in memory, which come by the dozen in a second; `--real` says
how many fall on real applications on virtual desktops.
"""

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agent.desktop_stages import DesktopStages, osworld_jobs
from agent.form_stages import FormStages, form_jobs
from agent.policy import Policy
from agent.stages import OpenStage, TaskJob
from agent.suite_run import SuiteRun
from agent.task_runs import OpenTaskRunner, SuiteConfig
from benchmarks.log_proof.workload import Report

DONE = 0
ACTORS = ("oracle", "idle", "gives-up")
ATTEMPTS = 3
WORKERS_START_SECONDS = 4.0
"""Those of their own process must start first."""
REAL_ACTORS = ("oracle", "idle")
REAL_ORACLES = ("terminal.make_folder", "mousepad.append_line", "infeasible.missing_line")
"""The quickest: a kill in the middle of a task costs no more than half of it."""


@dataclass(frozen=True, slots=True)
class World:
    """What is evaluated."""

    actors: Sequence[str]
    suite: str
    jobs: Sequence[TaskJob]
    stages: OpenStage


FORMS = World(ACTORS, "form", form_jobs(ATTEMPTS), FormStages())


@contextmanager
def real_desktops() -> Iterator[World]:
    """Three tasks of our desktop suite, with their inputs."""
    from env.tasks.suites.desktop.check import suite
    from env.tasks.suites.desktop.make import EXAMPLES, make

    tasks = [task for task in suite() if task.extra["oracle"] in REAL_ORACLES]
    jobs = osworld_jobs(EXAMPLES, ",".join(task.id for task in tasks))
    with tempfile.TemporaryDirectory(prefix="moonhand-inputs-") as folder:
        make(Path(folder), tasks=tasks)
        stages = DesktopStages(mirror=Path(folder), num_desktops=2)
        yield World(REAL_ACTORS, "desktop", jobs, stages)


def prove_kills(num_kills: int, seed: int, world: World = FORMS) -> Report:
    report = Report(name=f"{world.suite}: evaluations killed and started again")
    chance = random.Random(seed)
    undisturbed: dict[str, Any] = {}
    seconds: dict[str, float] = {}
    number = 0
    while report.cases < num_kills:
        model = world.actors[number % len(world.actors)]
        workers = 1 + number % 2
        with tempfile.TemporaryDirectory(prefix="moonhand-proof-") as folder:
            if model not in undisturbed:
                began = time.monotonic()
                assert _live(world, Path(folder) / "calm", model, 1, None) == DONE
                seconds[model] = time.monotonic() - began
                undisturbed[model] = table(Path(folder) / "calm")
            out = Path(folder) / "results"
            longest = seconds[model] + WORKERS_START_SECONDS * (workers - 1)
            trouble = _one_evaluation(
                world, out, model, workers, longest, num_kills, chance, report
            )
            if trouble is None and table(out) != undisturbed[model]:
                trouble = f"the table is another: {table(out)}"
        if trouble is not None:
            report.bad.append(f"seed {seed}, evaluation {number} ({model}): {trouble}")
        report.count("evaluations", 1)
        number += 1
    return report


def _one_evaluation(
    world: World,
    out: Path,
    model: str,
    workers: int,
    longest_seconds: float,
    num_kills: int,
    chance: random.Random,
    report: Report,
) -> str | None:
    """Kill and start again until it is through. Gives what was wrong."""
    before: dict[str, tuple[int, int]] = {}
    while True:
        is_last = report.cases >= num_kills
        code = _live(
            world, out, model, workers, None if is_last else chance.random() * longest_seconds
        )
        after = identities(out)
        lost = [name for name, identity in before.items() if after.get(name) != identity]
        if lost:
            return f"lost or done again: {lost}"
        report.count("results found after a kill", len(after) if code is None else 0)
        before = after
        if code is not None:
            return None if code == DONE else f"exit code {code}"
        report.cases += 1


def _live(
    world: World, out: Path, model: str, workers: int, life_seconds: float | None
) -> int | None:
    """Evaluate in a process of its own; kill it after so long. None: it was."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            config = SuiteConfig(suite=world.suite, model=model)
            suite = SuiteRun(config, out, world.jobs)
            for _ in suite.run(OpenTaskRunner(config, out, _no_policy, world.stages), workers):
                pass
            suite.write_summary()
            code = DONE
        finally:
            os._exit(code)
    until = None if life_seconds is None else time.monotonic() + life_seconds
    while until is None or time.monotonic() < until:
        done, status = os.waitpid(child, 0 if until is None else os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def _no_policy(name: str) -> Policy:
    raise AssertionError(f"{name} is no model")


def identities(out: Path) -> dict[str, tuple[int, int]]:
    """Of every finished result: which file it is, and since when."""
    found = {}
    for path in out.glob("pyautogui/screenshot/*/*/*/result.txt"):
        state = path.stat()
        found[str(path.relative_to(out))] = (state.st_ino, state.st_mtime_ns)
    return found


def table(out: Path) -> dict[str, Any]:
    """What an evaluation came to, without what differs from run to run: the seconds."""
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))

    def timeless(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                name: timeless(each)
                for name, each in value.items()
                if not name.startswith("seconds")
            }
        return value

    plain: dict[str, Any] = timeless(summary)
    return plain


def run(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--real", type=int, default=0, help="of these, on real desktops")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("eval-proof.json"))
    options = parser.parse_args(words)
    began = time.monotonic()
    reports = [prove_kills(options.kills - options.real, options.seed)]
    if options.real:
        with real_desktops() as world:
            reports.append(prove_kills(options.real, options.seed, world))
    for report in reports:
        print(f"{report.name}: {report.cases} kills, {len(report.bad)} bad, {report.counts}")
        for trouble in report.bad:
            print(f"  {trouble}")
    told = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "seed": options.seed,
        "reports": [report.plain() for report in reports],
        "seconds": round(time.monotonic() - began, 1),
    }
    options.out.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    return 1 if any(report.bad for report in reports) else 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
