"""How long was worked, by what was done: over all starts of a command, and not while it was held.

A command that is stopped and started again, or halted by SIGSTOP or a closed lid, has a wall time
that says nothing of what its result cost. A thread counts seconds while the process runs, and
writes them down, so that a kill loses a second or two.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

TICK_SECONDS = 1.0
MOST_SECONDS = 5.0
"""Between two ticks; more was a halt, of which this much is counted still."""
OTHER = "other"


class WorkClock:
    """Goes inside `going`."""

    def __init__(self, path: Path, now: Callable[[], float] = time.monotonic) -> None:
        """
        Args:
            path: JSON, what was worked to seconds; gone on with if it is there.
            now: seconds, from anywhere.
        """
        self._path, self._now = path, now
        self._seconds: dict[str, float] = {}
        if path.exists():
            found = json.loads(path.read_text(encoding="utf-8"))
            self._seconds = {str(work): float(seconds) for work, seconds in found.items()}
        self._work = OTHER
        self._counted_at = now()
        self._lock = threading.Lock()
        self._ended = threading.Event()

    @property
    def seconds(self) -> dict[str, float]:
        """So far, by work."""
        with self._lock:
            self._count()
            return {work: round(seconds, 1) for work, seconds in self._seconds.items()}

    @property
    def hours(self) -> float:
        return sum(self.seconds.values()) / 3600

    @contextmanager
    def going(self) -> Iterator[Self]:
        self._counted_at = self._now()
        thread = threading.Thread(target=self._tick, name="clock", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._ended.set()
            thread.join()
            self._save()

    @contextmanager
    def at(self, work: str) -> Iterator[None]:
        """What is done inside counts as this."""
        self._turn_to(work)
        try:
            yield
        finally:
            self._turn_to(OTHER)

    def _turn_to(self, work: str) -> None:
        with self._lock:
            self._count()
            self._work = work

    def _count(self) -> None:
        now = self._now()
        passed = min(now - self._counted_at, MOST_SECONDS)
        self._seconds[self._work] = self._seconds.get(self._work, 0.0) + passed
        self._counted_at = now

    def _tick(self) -> None:
        while not self._ended.wait(TICK_SECONDS):
            self._save()

    def _save(self) -> None:
        text = json.dumps(self.seconds, indent=2) + "\n"
        self._path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._path.with_suffix(".partial")
        partial.write_text(text, encoding="utf-8")
        partial.replace(self._path)
