"""What a suite of scripted tasks came to: `summary.json`, and the entries of OSWorld's own list."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from statistics import fmean, median, stdev
from typing import Any

from agent.task_runs import SuiteConfig, TaskRecord

_NOTES = (
    "scores are floats from 0 to 1, as OSWorld's metrics give them; mean: over tasks",
    "standard_error: of that mean, over tasks; with several attempts a task counts by its mean",
    "unscored: could not be set up or judged; in no mean, and run again by the next start",
    "environment: all seconds that are not the model's",
)
_SETTING_UP = ("open", "prepare")
_STEPPING = ("capture", "settle", "model", "act")


def summarise_tasks(config: SuiteConfig, records: Sequence[TaskRecord]) -> dict[str, Any]:
    """The contents of `summary.json`: the same for the same records, in whatever order."""
    ordered = sorted(records, key=lambda record: record.key)
    scored = [record for record in ordered if record.score is not None]
    by_task = _grouped(scored, lambda record: f"{record.domain}/{record.task}")
    return {
        "suite": config.suite,
        **_figures(scored),
        "unscored": [
            {"task": f"{record.domain}/{record.task}", "reason": record.reason}
            for record in ordered
            if record.score is None
        ],
        "infeasible": _figures([record for record in scored if record.infeasible]),
        "endings": dict(sorted(Counter(record.ending for record in scored).items())),
        "seconds": _seconds(scored),
        "seconds_per_step": _seconds_per_step(scored),
        "per_domain": {
            domain: {
                **_figures(group),
                "mean_steps": _mean([record.num_steps for record in group]),
                "seconds": _seconds(group),
            }
            for domain, group in sorted(_grouped(scored, lambda each: each.domain).items())
        },
        "per_task": {task: _task(group) for task, group in sorted(by_task.items())},
        "config": asdict(config),
        "notes": list(_NOTES),
    }


def results_list(records: Sequence[TaskRecord]) -> list[dict[str, Any]]:
    """OSWorld's `summary/results.json`."""
    return [_entry(record) for record in sorted(records, key=lambda record: record.key)]


def _entry(record: TaskRecord) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "application": record.domain,
        "task_id": record.task,
        "status": "error" if record.score is None else "success",
        "score": record.score or 0.0,
        "timestamp": datetime.fromtimestamp(record.ended_at, UTC).strftime("%Y-%m-%d %H:%M:%S"),
    }
    return entry | ({"err_message": record.reason} if record.score is None else {})


def _grouped(
    records: Sequence[TaskRecord], name: Callable[[TaskRecord], str]
) -> dict[str, list[TaskRecord]]:
    groups: defaultdict[str, list[TaskRecord]] = defaultdict(list)
    for record in records:
        groups[name(record)].append(record)
    return groups


def _figures(scored: Sequence[TaskRecord]) -> dict[str, Any]:
    by_task = _grouped(scored, lambda record: f"{record.domain}/{record.task}")
    means = [fmean(record.score or 0.0 for record in group) for group in by_task.values()]
    return {
        "mean": _mean(means),
        "standard_error": standard_error(means),
        "tasks": len(by_task),
        "episodes": len(scored),
        "total_score": round(sum(means), 4),
    }


def standard_error(values: Sequence[float]) -> float | None:
    """Of their mean. None for fewer than two, whose spread nobody knows."""
    return round(stdev(values) / math.sqrt(len(values)), 4) if len(values) > 1 else None


def _task(group: Sequence[TaskRecord]) -> dict[str, Any]:
    first = group[0]
    return {
        "score": _mean([record.score or 0.0 for record in group]),
        "attempts": len(group),
        "mean_steps": _mean([record.num_steps for record in group]),
        "endings": [record.ending for record in group],
        "reason": first.reason,
        "infeasible": first.infeasible,
        "digest": first.digest,
        "seconds": _seconds(group),
    }


def _seconds(group: Sequence[TaskRecord]) -> dict[str, float | None]:
    """Means a task; `start` (to the first look) is a median, `step` is all steps' mean."""
    if not group:
        return {}
    totals = [record.seconds.get("total", 0.0) for record in group]
    models = [record.seconds.get("model", 0.0) for record in group]
    starts = [sum(record.seconds.get(part, 0.0) for part in _SETTING_UP) for record in group]
    num_steps = sum(record.num_steps for record in group)
    stepping = sum(record.seconds.get(part, 0.0) for record in group for part in _STEPPING)
    return {
        "total": _mean(totals),
        "model": _mean(models),
        "environment": _mean([total - model for total, model in zip(totals, models, strict=True)]),
        "start": round(median(starts), 3),
        "judge": _mean([record.seconds.get("judge", 0.0) for record in group]),
        "step": round(stepping / num_steps, 3) if num_steps else None,
    }


def _seconds_per_step(group: Sequence[TaskRecord]) -> dict[str, float]:
    num_steps = sum(record.num_steps for record in group)
    if not num_steps:
        return {}
    spent = {part: sum(record.seconds.get(part, 0.0) for record in group) for part in _STEPPING}
    return {part: round(seconds / num_steps, 4) for part, seconds in spent.items()}


def _mean(values: Sequence[float]) -> float:
    return round(fmean(values), 4) if values else 0.0
