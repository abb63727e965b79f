"""`main.py improve`: rounds of acting, being corrected, learning and being measured."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from agent.collect import OpenPolicy
from agent.improve import CLOCK, ImproveConfig, Improver, Round
from agent.measure import Measurer
from agent.miniwob import tasks_named
from agent.work_clock import WorkClock
from agent.workers import share_cores
from model.train.samples import Setting
from ui.commands.kit import OpenKit
from ui.commands.learning import LearningOptions
from ui.improvement_page import Final, write_improvement_page
from ui.options import SOME_TASKS

_DONE, _FAILED = 0, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Improve(LearningOptions):
    """Make a policy better by what it does: act, learn from successes and corrections, measure."""

    suite: Annotated[str, "of tasks that have experts; there is one: miniwob"] = "miniwob"
    out: Annotated[Path, "folder for rounds, data and report.html; goes on where it stopped"]
    tasks: Annotated[str, SOME_TASKS] = "pix2act59"
    rounds: Annotated[int, "of acting and learning"] = 5
    hours: Annotated[float, "no round begins that would not end within these; 0: all do"] = 0.0
    episodes: Annotated[int, "acted a task and round, on average; weak tasks have more"] = 3
    shown: Annotated[int, "so many more the experts show, of weak tasks most"] = 2
    measured: Annotated[int, "unseen seeds a task, after every round"] = 3
    round: Annotated[int, "of those seeds, as `eval --seed`"] = 60
    final: Annotated[int, "other seeds a task, for start and best at the end; 0: none"] = 0
    steps: Annotated[int, "of training a round"] = 150
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
        shown=options.shown,
        hours=options.hours,
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
            processes=options.workers,
        )

    share_cores(options.workers)
    page = options.out / "report.html"
    start, rounds = kit.weights_folder(options.init), list[Round]()
    with WorkClock(options.out / CLOCK).going() as clock:
        improver = Improver(
            config,
            options.out,
            measurer=options.measurer(tasks, options.measured, options.round, open_policy),
            open_policy=open_policy,
            train=train,
            clock=clock,
            say=say,
            watch=setting.watch,
        )
        for each in improver.run(start):
            rounds.append(each)
            write_improvement_page(page, rounds)
    if options.final:
        # Those that chose the best flatter it: it was the luckiest on them.
        others = options.measurer(tasks, options.final, options.round + 1, open_policy)
        final = _finally(others, start, Path(improver.best.weights), options.out / "final")
        write_improvement_page(page, rounds, final)
        say(f"on seeds that chose nothing: {final.before_mean:.1%} -> {final.after_mean:.1%}")
    say(f"report: {page}")
    say(f"checkpoint: {improver.best.weights}")
    return _DONE if improver.best.number else _FAILED


def _finally(measurer: Measurer, start: Path, best: Path, out: Path) -> Final:
    return Final(
        episodes=measurer.episodes,
        before=measurer(str(start), out / "start"),
        after=measurer(str(best), out / "best"),
    )
