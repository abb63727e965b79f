"""Evaluations on disk, as the board shows them: read from what `main.py eval` writes."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trajectories.results import PLANNED
from ui.running import Running, running

RUNNING_SECONDS = 120.0
"""An evaluation with a result younger than this is still going on, as far as one can tell."""
_BARS = " ▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One finished episode."""

    group: str
    """Of MiniWoB++ the task, of a suite the domain."""
    name: str
    """Of MiniWoB++ the seed, of a suite the task."""
    score: float | None
    """In [0, 1]; None: could not be judged."""
    ending: str
    num_steps: int
    seconds: float
    ended_at: float
    task: str
    seed: int | None
    run: Path | None
    """Its run folder, if it is there."""

    @property
    def won(self) -> bool:
        return self.score is not None and self.score > 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    folder: Path
    suite: str
    model: str
    outcomes: tuple[Outcome, ...]
    """Oldest first."""
    mean: float | None
    """As its `summary.json` has it; None: there is none yet."""
    error: float | None
    planned: int | None
    """Episodes there are to be, these included; None: it was not told."""
    running: tuple[Running, ...]
    """Episodes that are being done right now."""

    @property
    def is_running(self) -> bool:
        newest = self.outcomes[-1].ended_at if self.outcomes else 0.0
        if self.planned is not None and len(self.outcomes) >= self.planned:
            return False
        return bool(self.running) or time.time() - newest < RUNNING_SECONDS

    @property
    def endings(self) -> list[tuple[str, int]]:
        return Counter(outcome.ending for outcome in self.outcomes).most_common()

    def groups(self) -> dict[str, list[Outcome]]:
        found: dict[str, list[Outcome]] = {}
        for outcome in self.outcomes:
            found.setdefault(outcome.group, []).append(outcome)
        return dict(sorted(found.items()))


def evaluations(root: Path) -> Iterator[Evaluation]:
    """At or up to two folders below `root`, the newest first."""
    configs = [path for depth in ("", "*/", "*/*/") for path in root.glob(f"{depth}config.json")]
    for path in sorted(configs, key=lambda path: path.stat().st_mtime, reverse=True):
        if (path.parent / "pyautogui").is_dir() or (path.parent / "runs").is_dir():
            yield evaluation(path.parent)


def evaluation(folder: Path) -> Evaluation:
    """What is there; files that cannot be read (being written, not ours) are passed over."""
    config = _json(folder / "config.json")
    summary = _json(folder / "summary.json")
    records = folder.glob("pyautogui/*/*/*/*/episode.json")
    outcomes = [outcome for path in records if (outcome := _outcome(folder, path)) is not None]
    planned = _number(_json(folder / PLANNED).get("episodes"))
    return Evaluation(
        folder=folder,
        suite=str(config.get("suite") or "miniwob"),
        model=Path(str(config.get("model", "?"))).name,
        outcomes=tuple(sorted(outcomes, key=lambda outcome: outcome.ended_at)),
        mean=_number(summary.get("mean")),
        error=_number(summary.get("standard_error")),
        planned=None if planned is None else int(planned),
        running=tuple(running(folder)),
    )


def sparkline(outcomes: list[Outcome], width: int) -> str:
    """How it went in time: each bar the mean of a stretch of episodes."""
    scores = [outcome.score or 0.0 for outcome in outcomes if outcome.score is not None]
    if not scores:
        return ""
    count = min(width, len(scores))
    bars = []
    for at in range(count):
        part = scores[at * len(scores) // count : (at + 1) * len(scores) // count]
        mean = min(max(sum(part) / len(part), 0.0), 1.0)
        bars.append(_BARS[max(1, round(mean * (len(_BARS) - 1)))])
    return "".join(bars)


def _outcome(folder: Path, path: Path) -> Outcome | None:
    record = _json(path)
    if not record:
        return None
    score = _number(record.get("score"))
    if "raw_reward" in record:
        score = None if record["raw_reward"] is None else float(bool(record.get("success")))
    seconds = record.get("seconds")
    return Outcome(
        group=path.parent.parent.name,
        name=path.parent.name,
        score=score,
        ending=str(record.get("ending", "?")).replace("_", " ").lower(),
        num_steps=int(_number(record.get("num_steps")) or 0),
        seconds=(_number(seconds.get("total")) or 0.0) if isinstance(seconds, dict) else 0.0,
        ended_at=_number(record.get("ended_at")) or path.stat().st_mtime,
        task=str(record.get("task", "")),
        seed=record["seed"] if isinstance(record.get("seed"), int) else None,
        run=_run_of(folder, path, record),
    )


def _run_of(folder: Path, path: Path, record: dict[str, Any]) -> Path | None:
    if isinstance(name := record.get("run"), str) and Path(name).name == name:
        run = folder / "runs" / name
        return run if run.is_dir() else None
    return next(path.parent.glob("run-*"), None)


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
