"""How well a policy does on unseen seeds, for those who decide by it: tasks in, a rate each out.

The same episodes, log and summary as `main.py eval`; what is there already is not run again.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from agent.collect import OpenPolicy
from agent.evaluate import EvalConfig, OpenEvaluator, finished
from agent.miniwob import evaluation_jobs
from agent.summary import summarise, write_summary
from agent.workers import run_jobs
from trajectories.results import claim_folder

OnMeasured = Callable[[int, int, int], None]
"""Told after each episode: how many are done, of how many, and how many succeeded."""


def unwatched(_num_done: int, _num_jobs: int, _won: int) -> None:
    """Nobody looks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurer:
    """Everything a measurement has in common with the one it is compared with."""

    tasks: tuple[str, ...]
    episodes: int
    """Unseen seeds a task."""
    seed: int
    """Of the round: the same seeds for all that are compared."""
    max_steps: int
    workers: int
    open_policy: OpenPolicy

    def __call__(
        self, model: str, out: Path, weights: str = "", *, watch: OnMeasured = unwatched
    ) -> dict[str, Any]:
        """The summary, also written to `out`.

        Args:
            weights: a digest of them; results of others in `out` are refused.
            watch: what it raises ends the measurement, which goes on when asked for again.
        """
        config = EvalConfig(model=model, weights=weights, seed=self.seed, max_steps=self.max_steps)
        jobs = evaluation_jobs(self.tasks, self.episodes, self.seed)
        claim_folder(out, asdict(config))
        records = finished(out, config, jobs)
        done = {(record.task, record.seed) for record in records}
        todo = [job for job in jobs if job not in done]
        opener = OpenEvaluator(config, out, self.open_policy)
        for record in run_jobs(todo, opener, self.workers):
            records.append(record)
            watch(len(records), len(jobs), sum(each.success for each in records))
        summary = summarise(config, records)
        write_summary(out, summary)
        return summary


def rates(summary: dict[str, Any]) -> dict[str, float]:
    """Success by task."""
    return {task: float(row["success"]) for task, row in summary["per_task"].items()}


def mean_over(summary: dict[str, Any], tasks: tuple[str, ...]) -> float:
    found = [rate for task, rate in rates(summary).items() if task in tasks]
    return sum(found) / len(found) if found else 0.0


def read_summary(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    return found
