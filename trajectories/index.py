"""What is in a folder of runs, to look through quickly: derived, deleted and rebuilt at will.

    runs/index.sqlite

Only runs whose log grew since the last look are read again. The logs stay the
only truth; a file that is no index, or one of another version, is thrown away.
"""

import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from trajectories.errors import RunNotFound, TrajectoryError
from trajectories.log import LOG_NAME
from trajectories.reading import Episode, RunRecord, read_run
from trajectories.store import find_runs

INDEX_NAME = "index.sqlite"
_VERSION = 2
_TABLES = """
CREATE TABLE runs (
    name TEXT PRIMARY KEY, bytes INTEGER, changed_ns INTEGER,
    policy TEXT, started_at REAL, trouble TEXT);
CREATE TABLE episodes (
    run TEXT, number INTEGER, task TEXT, seed INTEGER, instruction TEXT, num_steps INTEGER,
    ending TEXT, score REAL, seconds REAL, started_at REAL, PRIMARY KEY (run, number));
CREATE VIRTUAL TABLE said USING fts5(run UNINDEXED, number UNINDEXED, text);
"""

logger = logging.getLogger(__name__)


class EpisodeEntry(NamedTuple):
    run: str
    """The run folder, relative to the folder of the index."""
    number: int
    """Counted from 0 within the run."""
    task: str
    seed: int | None
    instruction: str
    num_steps: int
    ending: str | None
    """None: the process died before it ended."""
    score: float | None
    seconds: float | None
    policy: str
    started_at: float


class RunIndex:
    """Of the runs below one folder. Closed by who opened it."""

    def __init__(self, root: Path) -> None:
        """Open or make the index, and read what is new.

        Raises:
            RunNotFound: no run below `root`.
        """
        self._root = root
        self._connection = _opened(root / INDEX_NAME)
        try:
            self.refresh()
        except BaseException:
            self._connection.close()
            raise

    def refresh(self) -> None:
        """Read the runs that are new or grew; forget those that are gone."""
        folders = {str(folder.relative_to(self._root)): folder for folder in find_runs(self._root)}
        known = {
            name: (size, changed)
            for name, size, changed in self._connection.execute(
                "SELECT name, bytes, changed_ns FROM runs"
            )
        }
        with self._connection:
            for name in known.keys() - folders.keys():
                self._forget(name)
            for name, folder in folders.items():
                state = (folder / LOG_NAME).stat()
                if known.get(name) != (state.st_size, state.st_mtime_ns):
                    self._forget(name)
                    self._read(name, folder, state)

    def episodes(self, words: str = "") -> Iterator[EpisodeEntry]:
        """Oldest run first.

        Args:
            words: only episodes whose instruction, answers or task hold all of these words.
        """
        columns = (
            "SELECT e.run, e.number, e.task, e.seed, e.instruction, e.num_steps, e.ending,"
            " e.score, e.seconds, r.policy, e.started_at"
            " FROM episodes e JOIN runs r ON r.name = e.run"
        )
        order = " ORDER BY r.started_at, e.run, e.number"
        if not words:
            rows = self._connection.execute(columns + order)
        else:
            # Each word as a quoted string: nothing of it is read as an operator.
            wanted = " ".join('"' + word.replace('"', '""') + '"' for word in words.split())
            rows = self._connection.execute(
                columns
                + " JOIN said s ON s.run = e.run AND s.number = e.number WHERE said MATCH ?"
                + order,
                (wanted,),
            )
        yield from (EpisodeEntry(*row) for row in rows)

    def troubles(self) -> dict[str, str]:
        """Runs that could not be read, and why."""
        rows = self._connection.execute("SELECT name, trouble FROM runs WHERE trouble != ''")
        return dict(rows.fetchall())

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _forget(self, name: str) -> None:
        self._connection.execute("DELETE FROM runs WHERE name = ?", (name,))
        self._connection.execute("DELETE FROM episodes WHERE run = ?", (name,))
        self._connection.execute("DELETE FROM said WHERE run = ?", (name,))

    def _read(self, name: str, folder: Path, state: os.stat_result) -> None:
        run: RunRecord | None = None
        trouble = ""
        try:
            run = read_run(folder)
        except TrajectoryError as error:
            trouble = str(error)
        self._connection.execute(
            "INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?)",
            (
                name,
                state.st_size,
                state.st_mtime_ns,
                "" if run is None else run.run.policy,
                0.0 if run is None else run.run.started_at,
                trouble,
            ),
        )
        for number, episode in enumerate(() if run is None else run.episodes):
            self._add(name, number, episode)

    def _add(self, name: str, number: int, episode: Episode) -> None:
        start, end = episode.start, episode.end
        self._connection.execute(
            "INSERT INTO episodes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                name,
                number,
                start.task,
                start.seed,
                start.instruction,
                len(episode.steps),
                None if end is None else end.ending,
                None if end is None else end.score,
                None if end is None else end.seconds,
                start.started_at,
            ),
        )
        answers = [step.intent.response for step in episode.steps if step.intent is not None]
        text = "\n".join([start.task, start.instruction, *answers])
        self._connection.execute("INSERT INTO said VALUES (?, ?, ?)", (name, number, text))


def _opened(path: Path) -> sqlite3.Connection:
    if not path.parent.is_dir():
        raise RunNotFound(f"no folder {path.parent}; expected one with runs in it")
    # Made by us first: sqlite would make it readable by everyone.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
    connection = sqlite3.connect(path)
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version == _VERSION:
            return connection
    except sqlite3.DatabaseError as error:
        logger.info("%s is thrown away: %s", path, error)
    connection.close()
    path.unlink()
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
    connection = sqlite3.connect(path)
    with closing(connection.cursor()) as cursor:
        cursor.executescript(_TABLES)
        cursor.execute(f"PRAGMA user_version = {_VERSION}")
    return connection
