"""Tasks on the machines of a Ray cluster, each with desktops of its own; results come home.

Ray (`pip install 'moonhand[ray]'`) is imported here, and only when asked for.
Every machine has Moonhand in the same folder as this one. A machine keeps
nothing but a suite's inputs: a result travels back as a tar archive and gets
its place here, by the rename that makes a kill harmless.
"""

import io
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from agent.errors import AgentError
from agent.stages import TaskJob
from agent.task_runs import OpenTaskRunner, TaskRecord, key_of
from agent.workers import MOST_DEATHS, WorkerDied
from trajectories.results import Results

_TOKEN_HINT = (
    "Ray 2.60 and later want a token by default: `ray get-auth-token --generate` on the head, the"
    " same in ~/.ray/auth_token or RAY_AUTH_TOKEN on every machine, and RAY_AUTH_MODE=token here;"
    " in a closed network RAY_AUTH_MODE=disabled on both sides does without"
)
"""A client without one hears of nothing but a time-out."""
_HOME = Path(__file__).resolve().parents[1]


class RayMissing(AgentError):
    """It is not installed, or nobody answers at that address."""


def run_on_ray(
    address: str, jobs: Sequence[TaskJob], opener: OpenTaskRunner
) -> Iterator[TaskRecord | None]:
    """Results as they come, in no order; one runner for each core of the cluster.

    Raises:
        RayMissing: Ray is not installed, or not at that address.
        WorkerDied: a runner could not start or raised, or machines die at a task again and again.
    """
    if not jobs:
        return
    ray = _connected(address)
    try:
        num_cores = int(ray.cluster_resources().get("CPU", 1))
        remote = ray.remote(num_cpus=1, max_restarts=0)(RemoteRunner)
        yield from _shared_out(ray, remote, jobs, opener, max(1, min(num_cores, len(jobs))))
    finally:
        ray.shutdown()


def _connected(address: str) -> Any:
    try:
        import ray
    except ImportError as error:
        raise RayMissing(f"{address} needs Ray; try: pip install 'ray[client]'") from error
    # What a machine has on its own path stays there.
    told = {"env_vars": {"PYTHONPATH": f"{_HOME}:${{PYTHONPATH}}"}}
    try:
        ray.init(address=address, runtime_env=told, log_to_driver=False)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise RayMissing(f"no Ray cluster at {address}: {error}. {_TOKEN_HINT}") from error
    return ray


def _shared_out(
    ray: Any, remote: Any, jobs: Sequence[TaskJob], opener: OpenTaskRunner, num_runners: int
) -> Iterator[TaskRecord | None]:
    results = Results(opener.out, opener.config.name)
    todo = [(job, 0) for job in reversed(jobs)]
    busy: dict[Any, tuple[Any, TaskJob, int]] = {}

    def give(runner: Any) -> None:
        if todo:
            job, deaths = todo.pop()
            busy[runner.run.remote(job)] = (runner, job, deaths)
        else:
            ray.get(runner.close.remote())

    for _ in range(num_runners):
        give(remote.remote(opener))
    while busy:
        (ready, *_), _ = ray.wait(list(busy), num_returns=1)
        runner, job, deaths = busy.pop(ready)
        try:
            record, archive = ray.get(ready)
        except ray.exceptions.RayActorError as error:
            if deaths + 1 >= MOST_DEATHS:
                raise WorkerDied(f"{MOST_DEATHS} machines were lost at {job!r}: {error}") from error
            todo.append((job, deaths + 1))
            give(remote.remote(opener))
            continue
        except ray.exceptions.RayTaskError as error:
            raise WorkerDied(f"{job!r}: {error}") from error
        yield _filed(results, job, record, archive)
        give(runner)


def _filed(
    results: Results, job: TaskJob, record: TaskRecord | None, archive: bytes
) -> TaskRecord | None:
    with results.draft(key_of(job)) as draft:
        if draft is None or record is None:
            return None
        with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
            # Of our own making, but from another machine: nothing may land elsewhere.
            packed.extractall(draft, filter="data")
        results.publish(record.key, draft)
        return record


class RemoteRunner:
    """Lives on a machine of the cluster and runs a task after another."""

    def __init__(self, opener: OpenTaskRunner) -> None:
        self._open = ExitStack()
        scratch = self._open.enter_context(tempfile.TemporaryDirectory(prefix="moonhand-ray-"))
        here = replace(opener, out=Path(scratch))
        self._results = Results(here.out, here.config.name)
        self._do = self._open.enter_context(here())

    def run(self, job: TaskJob) -> tuple[TaskRecord | None, bytes]:
        """The record, and its folder as a tar archive."""
        # A task that comes a second time, its first result lost on the way, is done anew.
        self._results.discard(key_of(job))
        record = self._do(job)
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            archive.add(self._results.folder(key_of(job)), arcname=".")
        self._results.discard(key_of(job))
        return record, packed.getvalue()

    def close(self) -> None:
        """Delete what was kept on the way."""
        self._open.close()
