"""`--stats` of run, demo and eval: where the time of all steps went, from their logs."""

from collections.abc import Callable
from itertools import chain
from pathlib import Path

from rich.console import Console

from trajectories.reading import read_runs
from trajectories.waterfall import figures
from ui.waterfall import stats_line, stats_table


def tell_stats(path: Path, console: Console, say: Callable[[str], None]) -> None:
    """
    Args:
        path: a run folder, or a folder with some.
    """
    episodes = chain.from_iterable(run.episodes for run in read_runs(path))
    found = figures(step for episode in episodes for step in episode.steps)
    if found is None:
        say("no step was answered")
        return
    console.print(stats_table(found))
    say(stats_line(found))
