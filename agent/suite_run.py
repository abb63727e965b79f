"""A whole evaluation: what is left of it is run, and after each task written what it came to."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from agent.stages import TaskJob
from agent.task_runs import RECORD_JSON, OpenTaskRunner, SuiteConfig, TaskRecord, key_of
from agent.task_summary import results_list, summarise_tasks
from agent.workers import run_jobs, share_cores
from trajectories.results import Results, plan


class SuiteRun:
    """Of the jobs into a folder; those that are finished there are read, not run."""

    def __init__(self, config: SuiteConfig, out: Path, jobs: Sequence[TaskJob]) -> None:
        """
        Raises:
            ValueError: the folder holds another evaluation's results.
        """
        self._config = config
        self._results = Results(out, config.name)
        self._results.claim(asdict(config))
        plan(out, len(jobs))
        keys = [key_of(job) for job in jobs]
        self.records = [RECORD_JSON.validate_json(data) for data in self._results.finished(keys)]
        """So far, those of earlier starts first."""
        done = {record.key for record in self.records}
        self._todo = [job for job in jobs if key_of(job) not in done]

    def run(self, opener: OpenTaskRunner, workers: int | str) -> Iterator[TaskRecord | None]:
        """Run what is left; gives each record as it comes, None for what another process did.

        Args:
            workers: how many processes of this machine; or the address of a Ray cluster.

        Raises:
            WorkerDied, RayMissing: see `run_jobs`, `run_on_ray`.
        """
        if isinstance(workers, int):
            share_cores(workers)
            records = run_jobs(self._todo, opener, workers)
        else:
            from agent.ray_workers import run_on_ray

            records = run_on_ray(workers, self._todo, opener)
        for record in records:
            if record is not None:
                self.records.append(record)
                self.write_summary()
            yield record

    def summary(self) -> dict[str, Any]:
        return summarise_tasks(self._config, self.records)

    def write_summary(self) -> Path:
        return self._results.write_summary(self.summary(), results_list(self.records))
