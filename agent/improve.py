"""What it does makes it better: act, be corrected, learn, be measured; and again.

In a round the policy acts on problems it has not seen, more of them where it is weak, and the
experts say at every step what they would have done (DAgger). Kept are the episodes that succeeded
and the corrections of those that did not; all rounds' are learned from together. The new policy
takes the old one's place if it is better on unseen seeds, the same ones for all rounds. What is
done already is not done again when the same command is given again.
"""

import json
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from agent.collect import CollectConfig, OpenCollector, OpenPolicy
from agent.measure import Measurer, rates
from agent.miniwob import NUM_TRAINING_SEEDS, Job, loop_config
from agent.workers import run_jobs

Train = Callable[[Path, Path, int, Path], Path]
"""From the weights in one folder, on the data in another, in that round, to a folder of weights."""

REPORT = "report.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImproveConfig:
    tasks: tuple[str, ...]
    rounds: int = 4
    episodes: int = 8
    """A task and round, on average: weak tasks have more."""
    first_seed: int = 600_000
    """Of the problems; none comes twice."""
    max_steps: int = 12
    workers: int = 1

    def __post_init__(self) -> None:
        if self.rounds < 1 or self.episodes < 1 or not self.tasks:
            raise ValueError(
                f"{self.rounds} rounds of {self.episodes} episodes of {len(self.tasks)} tasks;"
                " expected at least one of each"
            )
        last = self.first_seed + self.rounds * self.episodes * len(self.tasks) * 2
        if not 0 <= self.first_seed < last <= NUM_TRAINING_SEEDS:
            raise ValueError(f"seeds {self.first_seed} to {last - 1}; evaluations have others")


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """A point of the curve."""

    number: int
    """0: before anything was learned."""
    weights: str
    mean: float
    standard_error: float | None
    kept: bool
    """It was better than the best before it."""
    hours: float
    """Since the beginning, of work: not while nothing ran."""
    rates: dict[str, float]


def weakness(rates_by_task: Mapping[str, float], tasks: tuple[str, ...]) -> dict[str, float]:
    """How much more often than on average a task is worth playing; the mean is 1.

    A task that always succeeds keeps a fifth: what is known must not be forgotten.
    """
    raw = {task: 0.2 + (1.0 - rates_by_task.get(task, 0.0)) for task in tasks}
    mean = sum(raw.values()) / len(raw)
    return {task: value / mean for task, value in raw.items()}


def problems_of(weights: Mapping[str, float], episodes: int, first_seed: int) -> list[Job]:
    """Each task so often as it is weak, with seeds of its own, at least once."""
    jobs: list[Job] = []
    for task, weight in sorted(weights.items()):
        for _ in range(max(1, round(weight * episodes))):
            jobs.append(Job(task, first_seed + len(jobs)))
    return jobs


class Improver:
    def __init__(
        self,
        config: ImproveConfig,
        out: Path,
        *,
        measurer: Measurer,
        open_policy: OpenPolicy,
        train: Train,
        say: Callable[[str], None],
    ) -> None:
        """
        Args:
            out: rounds, data and `report.json`; gone on with if it has some.
            measurer: on unseen seeds; its tasks may be more than those that are learned.
        """
        self.config, self.out = config, out
        self.measurer, self.open_policy, self.train, self.say = measurer, open_policy, train, say
        self.rounds = [Round(**found) for found in _read(out / REPORT).get("rounds", [])]

    @property
    def best(self) -> Round:
        return max(self.rounds, key=lambda round: round.mean)

    def run(self, init: Path) -> list[Round]:
        """Every round that is left; the curve."""
        if not self.rounds:
            self._judge(0, init, time.monotonic())
        for number in range(len(self.rounds), self.config.rounds + 1):
            began = time.monotonic()
            self._act(number)
            weights = self.train(
                Path(self.best.weights), self.out / "data", number, self._folder(number)
            )
            self._judge(number, weights, began)
        return self.rounds

    def _act(self, number: int) -> None:
        config = self.config
        weights = weakness(self.best.rates, config.tasks)
        data = self.out / "data"
        runs = data / "runs" / f"round-{number:02d}"
        done = data / f"round-{number:02d}.done"
        if done.exists():
            return
        shutil.rmtree(runs, ignore_errors=True)
        first = config.first_seed + (number - 1) * config.episodes * len(config.tasks) * 2
        jobs = problems_of(weights, config.episodes, first)
        collecting = CollectConfig(
            out=runs, model=self.best.weights, loop=loop_config(max_steps=config.max_steps)
        )
        results = list(run_jobs(jobs, OpenCollector(collecting, self.open_policy), config.workers))
        won = sum(result.score is not None and result.score > 0 for result in results)
        (data / "weights.json").write_text(json.dumps(weights, indent=2) + "\n")
        done.touch()
        self.say(f"round {number}: acted {len(results)} episodes, {won} succeeded")

    def _judge(self, number: int, weights: Path, began: float) -> None:
        summary = self.measurer(str(weights), self._folder(number) / "measured")
        better = not self.rounds or summary["mean"] > self.best.mean
        earlier = self.rounds[-1].hours if self.rounds else 0.0
        self.rounds.append(
            Round(
                number=number,
                weights=str(weights),
                mean=summary["mean"],
                standard_error=summary["standard_error"],
                kept=better,
                hours=round(earlier + (time.monotonic() - began) / 3600, 3),
                rates=rates(summary),
            )
        )
        told = {"config": asdict(self.config), "rounds": [asdict(r) for r in self.rounds]}
        (self.out / REPORT).write_text(json.dumps(told, indent=2) + "\n")
        kept = "kept" if better else f"not kept, {self.best.mean:.1%} was better"
        self.say(f"round {number}: {summary['mean']:.1%} on unseen seeds, {kept}")

    def _folder(self, number: int) -> Path:
        return self.out / f"round-{number:02d}"


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found
