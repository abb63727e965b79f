"""`main.py log`: is a run whole, make it so, what is in it."""

from collections.abc import Callable

from trajectories.errors import TrajectoryError
from trajectories.index import EpisodeEntry, RunIndex
from trajectories.log import LOG_NAME
from trajectories.reading import Episode, Step, read_run
from trajectories.repair import check, repair
from trajectories.store import find_runs
from ui.options import Log

Say = Callable[[str], None]
_ALL_WELL, _NOT_WELL = 0, 1


def look_into_logs(options: Log, say: Say) -> int:
    """Exit code 1: something was torn, damaged or missing and, for `repair`, still is."""
    match options.what:
        case "check":
            return _check(options, say)
        case "repair":
            return _repair(options, say)
        case "show":
            return _show(options, say)


def _check(options: Log, say: Say) -> int:
    conditions = [check(folder) for folder in find_runs(options.path)]
    for condition in conditions:
        say(condition.in_words())
    unsound = sum(not condition.sound for condition in conditions)
    say(f"{len(conditions)} runs, {unsound} not as they should be")
    return _NOT_WELL if unsound else _ALL_WELL


def _repair(options: Log, say: Say) -> int:
    left = 0
    for folder in find_runs(options.path):
        try:
            done = repair(folder)
        except TrajectoryError as error:
            say(f"{folder}: {error}")
            left += 1
            continue
        for line in done or ["nothing to repair"]:
            say(f"{folder}: {line}")
        if (condition := check(folder)).bad_screenshots:
            say(condition.in_words())
            left += 1
    return _NOT_WELL if left else _ALL_WELL


def _show(options: Log, say: Say) -> int:
    if (options.path / LOG_NAME).is_file():
        for episode in read_run(options.path).episodes:
            for line in _lines_of(episode):
                say(line)
        return _ALL_WELL
    with RunIndex(options.path) as index:
        for entry in index.episodes(options.find):
            say(_line_of(entry))
        for run, trouble in index.troubles().items():
            say(f"{run}: {trouble}")
    return _ALL_WELL


def _line_of(entry: EpisodeEntry) -> str:
    score = "unscored" if entry.score is None else f"{entry.score:.2f}"
    ending = "interrupted" if entry.ending is None else entry.ending.lower()
    name = entry.task if entry.seed is None else f"{entry.task} {entry.seed}"
    return (
        f"{entry.run} #{entry.number} {name}: {score}, {ending}, {entry.num_steps} steps,"
        f" {entry.policy}: {entry.instruction}"
    )


def _lines_of(episode: Episode) -> list[str]:
    end = episode.end
    lines = [f"{episode.name}: {episode.start.instruction}"]
    for step in episode.steps:
        lines.append(f"  {step.number:>3}. {_said(step)}")
        lines += [f"       {guard.kind}: {guard.text}" for guard in step.guards]
    if end is None:
        lines.append("  interrupted")
    else:
        score = "unscored" if end.score is None else f"{end.score:.2f}"
        lines.append(f"  {end.ending.lower()}, {score}, {end.seconds:.1f} s {end.reason}".rstrip())
    if episode.damaged:
        lines.append("  the end of this episode was lost to damage")
    return lines


def _said(step: Step) -> str:
    if step.intent is None:
        return "no answer"
    told = step.intent.sentence or step.intent.response[:80]
    return f"{told} ({step.error})" if step.error else told
