import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from agent.workers import OpenWorker, WorkerDied, run_jobs


@contextmanager
def squarer(dies_at: int | None = None) -> Iterator[Callable[[int], int]]:
    def square(number: int) -> int:
        if number == dies_at:
            raise RuntimeError("cannot square that")
        return number * number

    yield square


def test_one_worker_does_the_jobs_here_and_in_order() -> None:
    assert list(run_jobs([1, 2, 3], squarer, 1)) == [1, 4, 9]


def test_no_jobs_open_no_worker() -> None:
    def refuse() -> AbstractContextManager[Callable[[int], int]]:
        raise AssertionError("opened")

    assert list(run_jobs([], refuse, 4)) == []


def test_what_one_worker_raises_comes_through() -> None:
    with pytest.raises(RuntimeError, match="cannot square"):
        list(run_jobs([1, 2], partial(squarer, 2), 1))


# A new process imports what it is sent by name, and a test's module has none: built-ins have.
ABSOLUTE = cast(OpenWorker[Any, Any], partial(nullcontext, abs))


def test_processes_share_the_jobs() -> None:
    assert sorted(run_jobs([1, -2, 3], ABSOLUTE, 2)) == [1, 2, 3]


def test_a_process_that_fails_is_told_with_its_reason() -> None:
    with pytest.raises(WorkerDied, match="TypeError"):
        list(run_jobs(["x", "y", "z"], ABSOLUTE, 2))


def test_a_job_whose_process_dies_is_done_by_another_and_given_up_at_the_second() -> None:
    # `os._exit` ends a process as a kill does: at once, saying nothing.
    dying = cast(OpenWorker[Any, Any], partial(nullcontext, os._exit))
    with pytest.raises(WorkerDied, match=r"2 workers died at 7, the last with exit code 7"):
        list(run_jobs([7, 7], dying, 2))


_SLEEPERS = """
import sys, time
from contextlib import nullcontext
from functools import partial
from agent.workers import run_jobs

if __name__ == "__main__":
    jobs = run_jobs([0, 0, 600, 600], partial(nullcontext, time.sleep), 2)
    next(jobs), next(jobs)
    print("busy", flush=True)
    next(jobs)
"""


def test_workers_do_not_outlive_whoever_gives_them_work(tmp_path: Path) -> None:
    script = tmp_path / "sleepers.py"
    script.write_text(_SLEEPERS)
    root = str(Path(__file__).parents[2])
    with subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": root},
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "busy\n"
        os.kill(process.pid, signal.SIGKILL)
    until = time.monotonic() + 20
    while _group_lives(process.pid):
        assert time.monotonic() < until, "a worker is still there"
        time.sleep(0.05)


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
