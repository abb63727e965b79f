"""Reinforcement learning as a loop of iterations: draw problems, try them, learn, again.

What learns is given; here it is decided what is tried, and kept what was tried. An iteration that
was finished is not run again, one that was interrupted is run anew.
"""

import json
import random
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.collect import OpenPolicy
from agent.curriculum import Curriculum
from agent.measure import Measurer, mean_over, rates
from agent.miniwob import NUM_TRAINING_SEEDS, Job
from agent.prompts import NANO
from agent.rollout import RolloutConfig, attempts, rollouts
from model.train.samples import Attempt

Learn = Callable[[Path, Sequence[Attempt], Sequence[Attempt], int, Path], dict[str, float]]
"""From the weights in one folder, with these attempts and those that are held, in that iteration,
to weights in another; gives what is worth telling."""

DONE_FILE = "iteration.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class PracticeConfig:
    tasks: tuple[str, ...]
    iterations: int = 4
    problems: int = 80
    """Drawn an iteration."""
    attempts: int = 4
    """At each problem."""
    sampling_temperature: float = 0.5
    """Of the attempts."""
    held: int = 0
    """Problems of the tasks elsewhere, tried once before practice begins: what is answered there
    is to stay as likely as it was."""
    first_seed: int = 900_000
    """Of the problems; none is tried in two iterations."""
    max_steps: int = 12
    workers: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.iterations < 1 or self.problems < 1 or self.attempts < 2:
            raise ValueError(
                f"{self.iterations} iterations of {self.problems} problems,"
                f" {self.attempts} attempts; expected 1 or more, and 2 attempts to compare"
            )
        if self.held < 0:
            raise ValueError(f"{self.held} problems are held; expected 0 or more")
        last = self.first_held_seed + self.held
        if not 0 <= self.first_seed < last <= NUM_TRAINING_SEEDS:
            raise ValueError(f"seeds {self.first_seed} to {last - 1}; evaluations have others")

    @property
    def first_held_seed(self) -> int:
        """Those of what is practised come before it."""
        return self.first_seed + self.iterations * self.problems


def practise(
    config: PracticeConfig,
    init: Path,
    out: Path,
    *,
    elsewhere: tuple[str, ...],
    measurer: Measurer,
    open_policy: OpenPolicy,
    learn: Learn,
    say: Callable[[str], None],
) -> Path:
    """All iterations, measured before and after on unseen seeds; returns the better weights.

    Args:
        elsewhere: tasks that are measured and not practised; some of them are held.
        measurer: of the practised tasks and those elsewhere.
    """
    before = measurer(str(init), out / "before")
    by_ease = sorted(config.tasks, key=lambda task: -rates(before).get(task, 0.0))
    curriculum, policy = Curriculum(by_ease), init
    held = _held(config, elsewhere, init, out / "held", open_policy)
    for iteration in range(config.iterations):
        folder = out / f"iteration-{iteration:03d}"
        jobs = curriculum.draw(
            config.problems,
            iteration,
            config.iterations,
            config.first_seed + iteration * config.problems,
            random.Random(f"{config.seed}/{iteration}"),
        )
        if not (folder / DONE_FILE).exists():
            shutil.rmtree(folder, ignore_errors=True)
            _try(config, jobs, config.attempts, policy, folder / "runs", open_policy)
            tried = list(attempts(folder / "runs", NANO))
            told = learn(policy, tried, held, iteration, folder / "last")
            (folder / DONE_FILE).write_text(json.dumps(told) + "\n")
            say(_line(iteration, told))
        curriculum.saw(attempts(folder / "runs", NANO))
        policy = folder / "last"
    after = measurer(str(policy), out / "after")
    report = _report(config.tasks, elsewhere, before, after)
    (out / "report.json").write_text(json.dumps(report, indent=2) + "\n")
    say(
        f"practised {report['practised'][0]:.1%} -> {report['practised'][1]:.1%},"
        f" elsewhere {report['elsewhere'][0]:.1%} -> {report['elsewhere'][1]:.1%}"
    )
    return policy if report["practised"][1] > report["practised"][0] else init


def _held(
    config: PracticeConfig,
    elsewhere: tuple[str, ...],
    init: Path,
    folder: Path,
    open_policy: OpenPolicy,
) -> list[Attempt]:
    """What the policy does at first where nothing is practised."""
    if not config.held or not elsewhere:
        return []
    if not (folder / DONE_FILE).exists():
        shutil.rmtree(folder, ignore_errors=True)
        jobs = [
            Job(elsewhere[number % len(elsewhere)], config.first_held_seed + number)
            for number in range(config.held)
        ]
        _try(config, jobs, 1, init, folder / "runs", open_policy)
        (folder / DONE_FILE).write_text(json.dumps({"problems": len(jobs)}) + "\n")
    return list(attempts(folder / "runs", NANO))


def _try(
    config: PracticeConfig,
    jobs: Sequence[Job],
    num_attempts: int,
    policy: Path,
    runs: Path,
    open_policy: OpenPolicy,
) -> None:
    rolling = RolloutConfig(
        out=runs,
        model=str(policy),
        max_steps=config.max_steps,
        temperature=config.sampling_temperature,
    )
    for _ in rollouts(jobs, num_attempts, rolling, open_policy, config.workers):
        pass


def _line(iteration: int, told: dict[str, float]) -> str:
    numbers = ", ".join(f"{name} {value:.3g}" for name, value in told.items())
    return f"iteration {iteration}: {numbers}"


def _report(
    practised: tuple[str, ...],
    elsewhere: tuple[str, ...],
    before: dict[str, Any],
    after: dict[str, Any],
) -> dict[str, Any]:
    per_task = {t: (rate, rates(after).get(t, 0.0)) for t, rate in rates(before).items()}
    return {
        "practised": [mean_over(summary, practised) for summary in (before, after)],
        "elsewhere": [mean_over(summary, elsewhere) for summary in (before, after)],
        "standard_errors": [before["standard_error"], after["standard_error"]],
        "per_task": per_task,
    }
