"""What it does makes it better: act, be corrected, learn, be measured; and again.

In a round the policy acts on problems it has not seen, more of them where it is weak, and the
experts say at every step what they would have done (DAgger); of the weak tasks they also show some
whole episodes, since a policy that fails at its first step never sees the second. Kept are the
episodes that succeeded and the corrections of those that did not; all rounds' are learned from
together. What is best on unseen seeds, the same ones for all rounds, is kept. What is done already
is not done again when the same command is given again.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from agent.collect import CollectConfig, OpenCollector, OpenPolicy
from agent.measure import Measurer, rates
from agent.miniwob import NUM_TRAINING_SEEDS, Job, loop_config
from agent.work_clock import WorkClock
from agent.workers import run_jobs
from model.train.samples import Watch
from trajectories.errors import RunNotFound
from trajectories.reading import Episode, read_runs

Train = Callable[[Path, Path, int, Path], Path]
"""From the weights in one folder, on the data in another, in that round, to a folder of weights."""

REPORT = "report.json"
CLOCK = "clock.json"
EXPERT = "expert"
ACTING, LEARNING, MEASURING = "acting", "learning", "measuring"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImproveConfig:
    tasks: tuple[str, ...]
    rounds: int = 4
    episodes: int = 8
    """A task and round, on average: weak tasks have more."""
    shown: int = 2
    """So many more are the experts' own."""
    hours: float = 0.0
    """No round begins that would not end within these; 0: they do not matter."""
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
        if self.shown < 0 or self.hours < 0:
            raise ValueError(f"{self.shown} shown in {self.hours} hours; expected 0 or more")
        last = self.first_seed + self.rounds * self.seeds_a_round
        if not 0 <= self.first_seed < last <= NUM_TRAINING_SEEDS:
            raise ValueError(f"seeds {self.first_seed} to {last - 1}; evaluations have others")

    @property
    def seeds_a_round(self) -> int:
        """More than are used: every task is played once at least, however well it goes."""
        return (self.episodes + self.shown) * len(self.tasks) * 2


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
    seconds: dict[str, float]
    """The same by what was done."""
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


def best_of(rounds: Sequence[Round]) -> Round:
    return max(rounds, key=lambda round: round.mean)


def start_of_next(rounds: Sequence[Round]) -> Round:
    """The newest, unless it is worse than the best by more than luck with the seeds.

    Its round of learning would be lost for that.
    """
    newest, best = rounds[-1], best_of(rounds)
    luck = newest.standard_error or 0.0
    return newest if newest.mean >= best.mean - luck else best


class Improver:
    def __init__(
        self,
        config: ImproveConfig,
        out: Path,
        *,
        measurer: Measurer,
        open_policy: OpenPolicy,
        train: Train,
        clock: WorkClock,
        say: Callable[[str], None],
        watch: Watch,
    ) -> None:
        """
        Args:
            out: rounds, data and `report.json`; gone on with if it has some.
            measurer: on unseen seeds; its tasks may be more than those that are learned.
            clock: goes while this works; borrowed.
            watch: told every episode as a training's step, and asked after it whether to stop.
        """
        self.config, self.out = config, out
        self.measurer, self.open_policy, self.train = measurer, open_policy, train
        self.clock, self.say, self.watch = clock, say, watch
        self.rounds = [Round(**found) for found in _read(out / REPORT).get("rounds", [])]

    @property
    def best(self) -> Round:
        return best_of(self.rounds)

    def run(self, init: Path) -> Iterator[Round]:
        """The curve, those rounds first that were there; then each as it is done.

        Raises:
            KeyboardInterrupt: asked to stop; the same again goes on from there.
        """
        yield from self.rounds
        if not self.rounds:
            yield self._judged(0, init)
        while len(self.rounds) <= self.config.rounds and not self._is_late():
            number, start = len(self.rounds), start_of_next(self.rounds)
            with self.clock.at(ACTING):
                self._act(number, start)
            with self.clock.at(LEARNING):
                weights = self.train(
                    Path(start.weights), self.out / "data", number, self._folder(number)
                )
            yield self._judged(number, weights)

    def _is_late(self) -> bool:
        hours = [round.hours for round in self.rounds]
        longest = max((b - a for a, b in pairwise(hours)), default=0.0)
        late = 0 < self.config.hours < self.clock.hours + longest
        if late:
            self.say(f"no time for another round within {self.config.hours:g} hours")
        return late

    def _act(self, number: int, start: Round) -> None:
        """The round's problems; those that were acted before an interruption are not again."""
        config, data = self.config, self.out / "data"
        weights = weakness(start.rates, config.tasks)
        first = config.first_seed + (number - 1) * config.seeds_a_round
        shown = problems_of(weights, config.shown, first) if config.shown else []
        tried = problems_of(weights, config.episodes, first + len(shown))
        runs = data / "runs" / f"round-{number:02d}"
        showing = self._acted(f"round {number}, shown", EXPERT, shown, runs / EXPERT)
        acting = self._acted(f"round {number}, acted", start.weights, tried, runs / "own")
        (data / "weights.json").write_text(json.dumps(weights, indent=2) + "\n")
        self.say(
            f"round {number}: acted {len(acting)} episodes, {_won(acting)} succeeded;"
            f" the experts showed {len(showing)}"
        )

    def _acted(self, name: str, model: str, jobs: Sequence[Job], runs: Path) -> list[Episode]:
        there = {(ended.start.task, ended.start.seed) for ended in _ended(runs)}
        todo = [job for job in jobs if (job.task, job.seed) not in there]
        collecting = CollectConfig(
            out=runs, model=model, loop=loop_config(max_steps=self.config.max_steps)
        )
        opener = OpenCollector(collecting, self.open_policy)
        num_before, won = len(jobs) - len(todo), 0
        for count, result in enumerate(run_jobs(todo, opener, self.config.workers), 1):
            won += (result.score or 0.0) > 0
            self._told(name, num_before + count, len(jobs), won)
        return list(_ended(runs))

    def _judged(self, number: int, weights: Path) -> Round:
        def watch(num_done: int, num_jobs: int, won: int) -> None:
            self._told(f"round {number}, measured", num_done, num_jobs, won)

        with self.clock.at(MEASURING):
            summary = self.measurer(str(weights), self._folder(number) / "measured", watch=watch)
        better = not self.rounds or summary["mean"] > self.best.mean
        self.rounds.append(
            Round(
                number=number,
                weights=str(weights),
                mean=summary["mean"],
                standard_error=summary["standard_error"],
                kept=better,
                hours=round(self.clock.hours, 3),
                seconds=self.clock.seconds,
                rates=rates(summary),
            )
        )
        told = {"config": asdict(self.config), "rounds": [asdict(r) for r in self.rounds]}
        (self.out / REPORT).write_text(json.dumps(told, indent=2) + "\n")
        kept = "kept" if better else f"not kept, {self.best.mean:.1%} was better"
        self.say(f"round {number}: {summary['mean']:.1%} on unseen seeds, {kept}{self._left()}")
        return self.rounds[-1]

    def _left(self) -> str:
        """How long the rounds that are left will take, if they take as long as the last."""
        if len(self.rounds) < 2:
            return ""
        each = self.rounds[-1].hours - self.rounds[-2].hours
        left = each * (self.config.rounds + 1 - len(self.rounds))
        if self.config.hours:
            left = min(left, max(0.0, self.config.hours - self.clock.hours))
        return f"; {self.clock.hours * 60:.0f} minutes so far, at most {left * 60:.0f} to go"

    def _told(self, what: str, num_done: int, num_jobs: int, won: int) -> None:
        self.watch.on_step(what, num_jobs, {"step": num_done, "won": won})
        if self.watch.stop():
            raise KeyboardInterrupt

    def _folder(self, number: int) -> Path:
        return self.out / f"round-{number:02d}"


def _ended(runs: Path) -> Iterator[Episode]:
    try:
        for run in read_runs(runs):
            yield from (episode for episode in run.episodes if episode.end is not None)
    except RunNotFound:
        return


def _won(episodes: Sequence[Episode]) -> int:
    return sum(episode.success for episode in episodes)


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found
