"""The same work on several processes, each with a screen and a policy of its own.

Processes, not threads: Playwright's objects stay in the thread that made them,
and torch shares its threads. One worker runs in this process.
"""

import multiprocessing
import os
import queue
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from multiprocessing.queues import Queue
from typing import Any, TypeVar

from agent.errors import AgentError

JobT = TypeVar("JobT")
ResultT = TypeVar("ResultT")

OpenWorker = Callable[[], AbstractContextManager[Callable[[JobT], ResultT]]]
"""Opens what a worker needs and gives what does a job. Sent to the process by its name, so a
function of a module or a frozen dataclass with `__call__`."""

_POLL_SECONDS = 1.0


class WorkerDied(AgentError):
    """A worker ended with jobs left; the message has what it said."""


def share_cores(num_workers: int) -> None:
    """Give each worker's torch its part of the cores; read by torch when the worker starts."""
    if num_workers > 1:
        threads = max(1, len(os.sched_getaffinity(0)) // num_workers)
        os.environ.setdefault("OMP_NUM_THREADS", str(threads))


def run_jobs(
    jobs: Sequence[JobT], open_worker: OpenWorker[JobT, ResultT], num_workers: int
) -> Iterator[ResultT]:
    """Results as they come, in no order. Leaving the iteration ends the workers.

    Raises:
        WorkerDied: one could not start or raised; with one worker, what it raised.
    """
    if not jobs:
        return
    if num_workers == 1:
        with open_worker() as do:
            for job in jobs:
                yield do(job)
        return
    yield from _run_in_processes(jobs, open_worker, min(num_workers, len(jobs)))


def _run_in_processes(
    jobs: Sequence[JobT], open_worker: OpenWorker[JobT, ResultT], num_workers: int
) -> Iterator[ResultT]:
    # Spawned, not forked: a fork of a process with torch's threads can hang.
    context = multiprocessing.get_context("spawn")
    todo: Queue[Any] = context.Queue()
    done: Queue[Any] = context.Queue()
    for job in jobs:
        todo.put((job,))
    for _ in range(num_workers):
        todo.put(None)
    processes = [
        context.Process(target=_work, args=(open_worker, todo, done), daemon=True)
        for _ in range(num_workers)
    ]
    for process in processes:
        process.start()
    try:
        for _ in jobs:
            yield _next_result(done, processes)
        for process in processes:
            process.join()
    finally:
        for process in processes:
            if process.is_alive():
                process.terminate()
                process.join()


def _next_result(done: "Queue[Any]", processes: Sequence[Any]) -> Any:
    while True:
        try:
            result, error = done.get(timeout=_POLL_SECONDS)
        except queue.Empty:
            if all(not process.is_alive() for process in processes):
                codes = [process.exitcode for process in processes]
                raise WorkerDied(f"all workers ended early, exit codes {codes}") from None
            continue
        if error is not None:
            raise WorkerDied(error)
        return result


def _work(open_worker: OpenWorker[Any, Any], todo: "Queue[Any]", done: "Queue[Any]") -> None:
    try:
        with open_worker() as do:
            while (item := todo.get()) is not None:
                done.put((do(item[0]), None))
    except Exception as error:
        # The traceback goes along: the process it belongs to is about to be gone.
        done.put((None, f"{type(error).__name__}: {error}\n{traceback.format_exc()}"))
