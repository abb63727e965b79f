"""`main.py improve`: rounds of acting, being corrected, learning and being measured."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from agent.collect import OpenPolicy
from agent.improve import ImproveConfig, Improver, Round
from agent.miniwob import tasks_named
from agent.workers import share_cores
from model.train.samples import Setting
from ui.arguments import POSITIONAL
from ui.commands.kit import OpenKit
from ui.commands.learning import LearningOptions
from ui.curves import write_page
from ui.options import SOME_TASKS

_DONE, _FAILED = 0, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Improve(LearningOptions):
    """Make a policy better by what it does: act, learn from successes and corrections, measure."""

    suite: Annotated[str, "miniwob", POSITIONAL] = "miniwob"
    out: Annotated[Path, "folder for rounds, data and report.html; goes on where it stopped"]
    tasks: Annotated[str, SOME_TASKS] = "pix2act59"
    rounds: Annotated[int, "of acting and learning"] = 4
    episodes: Annotated[int, "acted a task and round, on average; weak tasks have more"] = 8
    measured: Annotated[int, "unseen seeds a task, after every round"] = 10
    round: Annotated[int, "of those seeds, as `eval --seed`"] = 60
    steps: Annotated[int, "of training a round"] = 200
    batch_size: Annotated[int, "screenshots a step"] = 24
    learning_rate: Annotated[float, "peak; it falls to nothing in every round"] = 1.6e-3
    data: Annotated[Path | None, "a folder whose specimens/ are read along, if given"] = None
    first_seed: Annotated[int, "of the problems; below 1,000,000"] = 600_000


def improve(
    options: Improve,
    *,
    say: Callable[[str], None],
    setting: Setting,
    open_policy: OpenPolicy,
    open_kit: OpenKit,
) -> int:
    """Exit code 1: no round was better than the start."""
    if options.suite != "miniwob":
        raise ValueError(f"no suite named {options.suite!r}; expected miniwob")
    tasks = tasks_named(options.tasks)
    config = ImproveConfig(
        tasks=tasks,
        rounds=options.rounds,
        episodes=options.episodes,
        first_seed=options.first_seed,
        max_steps=options.max_steps,
        workers=options.workers,
    )
    kit = open_kit()

    def train(init: Path, data: Path, number: int, out: Path) -> Path:
        return kit.round(
            init,
            data,
            out,
            setting,
            steps=options.steps,
            batch_size=options.batch_size,
            learning_rate=options.learning_rate,
            specimens=options.data,
            seed=options.seed + number,
        )

    share_cores(options.workers)
    improver = Improver(
        config,
        options.out,
        measurer=options.measurer(tasks, options.measured, options.round, open_policy),
        open_policy=open_policy,
        train=train,
        say=say,
    )
    rounds = improver.run(kit.weights_folder(options.init))
    say(f"report: {write_curve(rounds, options.out / 'report.html')}")
    say(f"checkpoint: {improver.best.weights}")
    return _DONE if improver.best.number else _FAILED


def write_curve(rounds: list[Round], path: Path) -> Path:
    """Success over the hours, and every task's at the start and in the best round."""
    curve = [(each.hours, each.mean) for each in rounds]
    best, so_far = 0.0, []
    for each in rounds:
        best = max(best, each.mean)
        so_far.append((each.hours, best))
    kept = max(rounds, key=lambda each: each.mean)
    notes = [
        f"round {each.number}: {each.mean:.1%}"
        + ("" if each.standard_error is None else f" (standard error {each.standard_error:.1%})")
        + f" after {each.hours:.2f} hours"
        + (", kept" if each.kept else "")
        for each in rounds
    ]
    notes += [
        f"{task}: {rounds[0].rates.get(task, 0.0):.0%} to {rate:.0%}"
        for task, rate in sorted(kept.rates.items())
    ]
    plots = {"success on unseen seeds, over hours": {"each round": curve, "kept": so_far}}
    return write_page(path, "Improving by doing", plots, notes)
