"""Tries the suite's graders: each task's oracle, and doing nothing.

`python -m env.tasks.suites.desktop.check --times 3 --out suite-proof.json` writes a line of
JSON for every run, and goes on where an earlier call stopped.
"""

import argparse
import json
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

from env.accessible_tree import AccessibleTree
from env.desktop import wait_until_settled
from env.errors import EnvError
from env.screen import ScreenSize
from env.tasks.judge import FAIL, judge
from env.tasks.machine import Bench
from env.tasks.mirror import Mirror
from env.tasks.sandboxed import TASK_SIZE, SandboxedMachine, task_desktop
from env.tasks.setup import finish, prepare, window_titles
from env.tasks.suites.desktop.make import EXAMPLES, make
from env.tasks.suites.desktop.oracles.registry import GiveUp, oracle_named
from env.tasks.suites.desktop.oracles.sight import Sight
from env.tasks.task import Task
from env.virtual import VirtualDesktop

ORACLE, NOTHING = "oracle", "nothing"
WINDOW_SECONDS = 60.0
_SETTLED_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One run of one task."""

    task: str
    """Its oracle's name, which says more than its id."""
    who: str
    score: float | None
    reason: str = ""
    num_moves: int = 0
    start_seconds: float = 0.0
    """From opening the desktop to the first look at an application that rests."""
    seconds: float = 0.0
    is_right: bool = False
    """1.0 for the oracle; 0 for doing nothing, which is no answer to an infeasible task either."""


def try_task(task: Task, who: str, mirror: Path, size: ScreenSize = TASK_SIZE) -> Tried:
    """Set up, act, judge, on a desktop of its own."""
    name = str(task.extra["oracle"])
    began = time.monotonic()
    moves, started = 0, 0.0
    with tempfile.TemporaryDirectory() as folder, task_desktop(task.screen or size) as desktop:
        bench = Bench(
            machine=SandboxedMachine(desktop),
            folder=Path(folder),
            mirror=Mirror(mirror),
            task_id=task.id,
        )
        try:
            prepare(task, bench)
            _wait_for_window(bench, desktop)
            started = time.monotonic() - began
            last = None
            if who == ORACLE:
                said = list(_acted(task, desktop))
                moves, last = len(said), said[-1]
                wait_until_settled(desktop, ceiling_seconds=_SETTLED_SECONDS)
            finish(task, bench)
            verdict = judge(task, bench, last)
            score, reason = verdict.score, verdict.reason or str(verdict.parts)
        except EnvError as error:
            score, reason = None, f"{type(error).__name__}: {error}"
    return Tried(
        task=name,
        who=who,
        score=score,
        reason=reason[:600],
        num_moves=moves,
        start_seconds=round(started, 2),
        seconds=round(time.monotonic() - began, 2),
        is_right=score == (1.0 if who == ORACLE else 0.0),
    )


def _acted(task: Task, desktop: VirtualDesktop) -> Iterator[str | None]:
    """Performs the oracle's moves. Each item is what OSWorld calls one, if it has a word for it."""
    assert desktop.session_bus is not None
    tree = AccessibleTree(desktop.session_bus)
    try:
        for move in oracle_named(str(task.extra["oracle"]))(Sight(tree, desktop.size)):
            if isinstance(move, GiveUp):
                yield FAIL
            else:
                desktop.perform(move.action)
                wait_until_settled(desktop)
                yield None
    finally:
        tree.close()


def _wait_for_window(bench: Bench, desktop: VirtualDesktop) -> None:
    until = time.monotonic() + WINDOW_SECONDS
    while not window_titles(bench) and time.monotonic() < until:
        time.sleep(0.05)
    wait_until_settled(desktop, ceiling_seconds=_SETTLED_SECONDS, interval_seconds=0.3)


def suite() -> list[Task]:
    """Every task, by domain and oracle."""
    tasks = [Task.from_file(path) for path in EXAMPLES.glob("*/*.json")]
    return sorted(tasks, key=lambda task: (task.domain, str(task.extra["oracle"])))


def prove(
    tasks: Sequence[Task], times: int, out: Path, size: ScreenSize, workers: int = 1
) -> list[Tried]:
    """Run what the file does not have yet, so many desktops at once; returns all of it."""
    lines = out.read_text().splitlines() if out.exists() else []
    done = [Tried(**json.loads(line)) for line in lines]
    had = Counter((one.task, one.who) for one in done)
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder), tasks=tasks)
        runs = [
            (task, who)
            for time_number in range(times)
            for task in tasks
            for who in (ORACLE, NOTHING)
            if had[str(task.extra["oracle"]), who] <= time_number
        ]
        # Processes, spawned: GLib and X11 of one desktop must know nothing of another's.
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            coming = [
                pool.submit(_try_file, _path_of(task), who, Path(folder), size)
                for task, who in runs
            ]
            done.extend(_proved(one.result(), out) for one in as_completed(coming))
    return done


def _path_of(task: Task) -> Path:
    return EXAMPLES / task.domain / f"{task.id}.json"


def _try_file(path: Path, who: str, mirror: Path, size: ScreenSize) -> Tried:
    return try_task(Task.from_file(path), who, mirror, size)


def _proved(tried: Tried, out: Path) -> Tried:
    with out.open("a") as file:
        file.write(json.dumps(asdict(tried)) + "\n")
    sign = "ok  " if tried.is_right else "BAD "
    print(f"{sign}{tried.who:8}{tried.score!s:6}{tried.seconds:7.1f} s  {tried.task}", flush=True)
    if not tried.is_right:
        print(f"    {tried.reason}", flush=True)
    return tried


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("suite-proof.json"))
    parser.add_argument("--tasks", default="", help="oracles' names, or beginnings, with commas")
    parser.add_argument("--workers", type=int, default=1, help="desktops at once")
    parser.add_argument("--size", default=f"{TASK_SIZE.width}x{TASK_SIZE.height}")
    given = parser.parse_args()
    names = tuple(name for name in given.tasks.split(",") if name)
    tasks = [task for task in suite() if str(task.extra["oracle"]).startswith(names or ("",))]
    width, height = map(int, given.size.split("x"))
    done = prove(tasks, given.times, given.out, ScreenSize(width, height), given.workers)
    bad = [tried for tried in done if not tried.is_right]
    print(f"{len(tasks)} tasks, {len(done)} runs, {len(bad)} bad")
    raise SystemExit(1 if bad else 0)


if __name__ == "__main__":
    main()
