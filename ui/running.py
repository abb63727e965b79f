"""What an evaluation is doing right now, read from its folder; nothing of it is touched.

A task of a suite is worked on in a draft folder under a lock (`trajectories.results`). Whether it
is held is asked of the kernel's own list: to try the lock would be to take the task away.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trajectories.errors import TrajectoryError
from trajectories.log import LOG_NAME
from trajectories.reading import Episode, read_run

_LOCKS = Path("/proc/locks")
STALE_SECONDS = 120.0
"""An episode without an end whose log has not grown for so long has died."""
MAX_LOG_BYTES = 8 * 2**20
"""A longer log is not read through every few seconds: the evaluation needs the processor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """An episode that is being done."""

    name: str
    num_steps: int
    """So far; 0 while its desktop is opened."""
    since: float
    """Seconds since the epoch."""


def running(folder: Path) -> list[Running]:
    """The oldest first. Empty where the kernel has no list of locks."""
    found = [*_drafts(folder), *_last_of_runs(folder)]
    return sorted(found, key=lambda each: each.since)


def _drafts(folder: Path) -> Iterator[Running]:
    locks = list(folder.glob("drafts/pyautogui/*/*/*/*.lock"))
    held = _held() if locks else set()
    for lock in locks:
        try:
            state = lock.stat()
            draft = lock.with_suffix("")
            since = draft.stat().st_mtime
        except OSError:
            continue
        if state.st_ino in held:
            episode = next((_last(run) for run in draft.glob("run-*")), None)
            yield Running(
                name=f"{draft.parent.name} {draft.name}",
                num_steps=0 if episode is None else len(episode.steps),
                since=since if episode is None else episode.start.started_at,
            )


def _held() -> set[int]:
    """Inodes of the files that somebody holds by flock."""
    try:
        lines = _LOCKS.read_text().splitlines()
    except OSError:
        return set()
    # 1: FLOCK  ADVISORY  WRITE 708 fe:00:1442 0 EOF
    words = [line.split() for line in lines if " FLOCK " in line]
    return {int(each[5].rpartition(":")[2]) for each in words if len(each) > 5 and each[1] != "->"}


def _last_of_runs(folder: Path) -> Iterator[Running]:
    """Of MiniWoB++, whose episodes of one worker follow each other in one run."""
    for run in folder.glob("runs/run-*"):
        try:
            log = (run / LOG_NAME).stat()
        except OSError:
            continue
        if time.time() - log.st_mtime > STALE_SECONDS or log.st_size > MAX_LOG_BYTES:
            continue
        episode = _last(run)
        if episode is not None and episode.end is None:
            seed = "" if episode.start.seed is None else f" {episode.start.seed}"
            yield Running(
                name=f"{episode.start.task}{seed}",
                num_steps=len(episode.steps),
                since=episode.start.started_at,
            )


def _last(run: Path) -> Episode | None:
    try:
        episodes = read_run(run).episodes
    except (TrajectoryError, OSError):
        return None
    return episodes[-1] if episodes else None
