from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
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
