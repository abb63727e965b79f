"""What an evaluation came to: numbers that compare and repeat, each with its error."""

import json
import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from agent.evaluate import STRICT_ABOVE, EpisodeRecord, EvalConfig

_NOTES = (
    "MiniWoB++'s native time limits are off",
    "success: raw reward above 0, as the literature counts",
    f"strict: raw reward of at least {STRICT_ABOVE}",
    "mean: the mean over tasks of each task's success; standard_error: of that mean, over seeds",
    "unscored: the screen was lost; not counted in any mean",
)


def summarise(config: EvalConfig, records: Sequence[EpisodeRecord]) -> dict[str, Any]:
    """The contents of `summary.json`."""
    by_task: defaultdict[str, list[EpisodeRecord]] = defaultdict(list)
    for record in records:
        if record.raw_reward is not None:
            by_task[record.task].append(record)
    per_task = {task: _task(scored) for task, scored in sorted(by_task.items())}
    return {
        "mean": _mean([row["success"] for row in per_task.values()]),
        "standard_error": _standard_error(list(by_task.values())),
        "strict_mean": _mean([row["strict"] for row in per_task.values()]),
        "tasks": len(per_task),
        "tasks_at_80_percent": sum(row["success"] >= 0.8 for row in per_task.values()),
        "episodes": sum(row["episodes"] for row in per_task.values()),
        "unscored": sum(record.raw_reward is None for record in records),
        "endings": dict(Counter(record.ending for record in records).most_common()),
        "seconds_per_step": seconds_per_step(records),
        "per_task": per_task,
        "config": asdict(config),
        "notes": list(_NOTES),
    }


def write_summary(out: Path, summary: dict[str, Any]) -> Path:
    path = out / "summary.json"
    path.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    return path


def seconds_per_step(records: Sequence[EpisodeRecord]) -> dict[str, float]:
    """Mean seconds of each part of a step, over all steps; `step` is observe, ask and act."""
    num_steps = sum(record.num_steps for record in records)
    if num_steps == 0:
        return {}
    totals: defaultdict[str, float] = defaultdict(float)
    for record in records:
        for part, seconds in record.seconds.items():
            totals[part] += seconds
    per_step = {part: round(spent / num_steps, 4) for part, spent in totals.items()}
    per_step.pop("total", None)
    whole = sum(per_step.get(part, 0.0) for part in ("capture", "settle", "model", "act"))
    return {"step": round(whole, 4), **per_step}


def _task(records: Sequence[EpisodeRecord]) -> dict[str, Any]:
    return {
        "episodes": len(records),
        "success": _mean([float(record.success) for record in records]),
        "strict": _mean([float(record.strict) for record in records]),
        "mean_raw_reward": _mean([record.raw_reward or 0.0 for record in records]),
        "mean_steps": _mean([float(record.num_steps) for record in records]),
    }


def _mean(values: Sequence[float]) -> float:
    return round(sum(values) / len(values), 4) if values else 0.0


def _standard_error(tasks: Sequence[Sequence[EpisodeRecord]]) -> float | None:
    """Of the mean over tasks, with the tasks fixed and the seeds drawn.

    None for a task with a single seed, whose spread nobody knows.
    """
    if not tasks or any(len(records) < 2 for records in tasks):
        return None
    variances = []
    for records in tasks:
        share = sum(record.success for record in records) / len(records)
        variances.append(share * (1.0 - share) / (len(records) - 1))
    return round(math.sqrt(sum(variances)) / len(tasks), 4)
