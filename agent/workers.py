"""The same work on several processes, each with a screen and a policy of its own.

Processes, not threads: Playwright's objects stay in the thread that made them,
and torch shares its threads. One worker runs in this process. Jobs are handed
out one by one over a pipe for each process: a process that is killed takes
along what it was doing, which another does again, and no lock of the others.
"""

import multiprocessing
import os
import signal
import threading
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar, cast

from agent.errors import AgentError

JobT = TypeVar("JobT")
ResultT = TypeVar("ResultT")

OpenWorker = Callable[[], AbstractContextManager[Callable[[JobT], ResultT]]]
"""Opens what a worker needs and gives what does a job. Sent to the process by its name, so a
function of a module or a frozen dataclass with `__call__`."""

MOST_DEATHS = 2
"""Of processes at the same job; then it is the job's doing."""

_ORPHANED = 3


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
        WorkerDied: one could not start or raised, or processes die at a job again and again;
            with one worker, what it raised.
    """
    if not jobs:
        return
    if num_workers == 1:
        with open_worker() as do:
            for job in jobs:
                yield do(job)
        return
    crew = _Crew(jobs, open_worker)
    try:
        for _ in range(min(num_workers, len(jobs))):
            crew.hire()
        for _ in jobs:
            yield crew.next_result()
        crew.dismiss()
    finally:
        crew.end()


@dataclass(slots=True, eq=False)
class _Worker:
    process: BaseProcess
    pipe: Connection
    job: int | None = None
    """Number of what it is doing; None: there was nothing left for it."""


class _Crew:
    """The processes and what they are at."""

    def __init__(self, jobs: Sequence[Any], open_worker: OpenWorker[Any, Any]) -> None:
        # Spawned, not forked: a fork of a process with torch's threads can hang.
        self._context = multiprocessing.get_context("spawn")
        self._jobs = jobs
        self._open_worker = open_worker
        self._todo = deque(range(len(jobs)))
        self._deaths: Counter[int] = Counter()
        self._workers: list[_Worker] = []

    def hire(self) -> None:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_work, args=(self._open_worker, theirs), daemon=True)
        with _born_deaf():
            process.start()
        # Its end is its own: when it dies, ours tells.
        theirs.close()
        worker = _Worker(process, ours)
        self._workers.append(worker)
        self._give(worker)

    def next_result(self) -> Any:
        """Raises: WorkerDied."""
        while True:
            busy = {worker.pipe: worker for worker in self._workers if worker.job is not None}
            for pipe in wait(list(busy)):
                worker = busy[cast(Connection, pipe)]
                try:
                    result, error = worker.pipe.recv()
                except (EOFError, ConnectionError):
                    self._replace(worker)
                    continue
                if error is not None:
                    raise WorkerDied(error)
                self._give(worker)
                return result

    def dismiss(self) -> None:
        """Nothing is left: they close what they opened, and are waited for."""
        for worker in self._workers:
            worker.process.join()

    def end(self) -> None:
        for worker in self._workers:
            if worker.process.is_alive():
                worker.process.terminate()
                worker.process.join()
            worker.pipe.close()

    def _give(self, worker: _Worker) -> None:
        worker.job = self._todo.popleft() if self._todo else None
        item = None if worker.job is None else (self._jobs[worker.job],)
        try:
            worker.pipe.send(item)
        except (BrokenPipeError, ConnectionError):
            # It died; `next_result` will hear of it, if it had anything to do.
            return

    def _replace(self, worker: _Worker) -> None:
        """Its job goes back, and another process is started for it."""
        worker.process.join()
        worker.pipe.close()
        self._workers.remove(worker)
        assert worker.job is not None, "only those at a job are listened to"
        self._deaths[worker.job] += 1
        if self._deaths[worker.job] >= MOST_DEATHS:
            raise WorkerDied(
                f"{MOST_DEATHS} workers died at {self._jobs[worker.job]!r},"
                f" the last with exit code {worker.process.exitcode}"
            )
        self._todo.appendleft(worker.job)
        self.hire()


@contextmanager
def _born_deaf() -> Iterator[None]:
    """Processes started inside never hear of SIGINT, from their first import on.

    Ctrl-C in a terminal goes to every process; whoever hands out the jobs decides what it means.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(open_worker: OpenWorker[Any, Any], pipe: Connection) -> None:
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    try:
        with open_worker() as do:
            while (item := pipe.recv()) is not None:
                pipe.send((do(item[0]), None))
    except EOFError:
        # Whoever hands out the jobs is gone.
        return
    except Exception as error:
        # The traceback goes along: the process it belongs to is about to be gone.
        pipe.send((None, f"{type(error).__name__}: {error}\n{traceback.format_exc()}"))


def _end_with_parent() -> None:
    """Its own kill it could not tell us; living on, we would do what its next start does."""
    parent = multiprocessing.parent_process()
    assert parent is not None, "a worker is always somebody's child"
    wait([parent.sentinel])
    os._exit(_ORPHANED)
