"""Evaluations side by side: what their folders hold, and a page with plots that needs nothing else.

Every mean has its standard error. Two evaluations of the same tasks are
compared task by task: the spread between tasks, which is most of it, then
cancels out.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from trajectories.charts import Measure, Part, grouped_bars, histogram, stacked_bars
from trajectories.disk import RealDisk
from trajectories.durable import write_whole
from trajectories.errors import FormatError

STEP_PARTS = ("capture", "settle", "model", "act")

_ENDING_SERIES = {
    "done": 0,
    "environment over": 2,
    "failed": 1,
    "step limit": 6,
    "repeated": 3,
    "unparseable": 4,
    "correct": 2,
    "wrong": 4,
    "wrong format": 6,
}
"""The same colour in every report."""
_OTHER_SERIES = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """One folder of results, of whatever suite."""

    name: str
    """The folder's; and the model's, where a folder has several."""
    suite: str
    model: str
    mean: float
    error: float | None
    """Standard, of the mean."""
    num_episodes: int
    groups: Mapping[str, Measure]
    """By domain; MiniWoB++ has a task for a domain."""
    tasks: Mapping[str, float]
    """Mean score of each."""
    steps: Mapping[str, float]
    """Mean steps of each task; empty where there are none."""
    endings: Mapping[str, int]
    seconds_per_step: Mapping[str, float]
    """By `STEP_PARTS`; empty: not known."""
    seconds: Mapping[str, float | None]
    """Of a task: total, model, environment, start."""
    unscored: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Of two evaluations, over the tasks both have."""

    one: str
    other: str
    num_tasks: int
    mean: float
    """The first one's less the other's."""
    error: float | None


def read_evaluation(folder: Path) -> Evaluation:
    """Raises: FormatError: naming what is missing."""
    path = folder / "summary.json"
    try:
        summary = json.loads(path.read_bytes())
        return evaluation_of(summary, folder.name or str(folder))
    except FileNotFoundError as error:
        raise FormatError(f"no {path}; expected a folder that eval has written") from error
    except ValueError as error:
        raise FormatError(f"{path}: not JSON: {error}") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise FormatError(f"{path}: not a summary of eval: {error!r}") from error


def evaluation_of(summary: Mapping[str, Any], name: str) -> Evaluation:
    """Of what `summary.json` holds."""
    config = summary["config"]
    suite = summary.get("suite", "miniwob")
    per_task = summary.get("per_task", {})
    scores = {
        task: float(row.get("score", row.get("success", 0))) for task, row in per_task.items()
    }
    groups = summary.get("per_domain") or per_task
    return Evaluation(
        name=name,
        suite=suite,
        model=Path(config["model"]).name + (" (blind)" if config.get("blind") else ""),
        mean=float(summary["mean"]),
        error=summary["standard_error"],
        num_episodes=int(summary.get("episodes", summary.get("samples", 0))),
        groups={name: _measure(row) for name, row in groups.items()},
        tasks=scores,
        steps={task: float(row["mean_steps"]) for task, row in per_task.items()},
        endings=dict(summary["endings"]),
        seconds_per_step=_per_step(summary),
        seconds=summary.get("seconds", {}),
        unscored=_unscored(summary["unscored"]),
    )


def _measure(row: Mapping[str, Any]) -> Measure:
    if "mean" in row:
        return Measure(float(row["mean"]), row["standard_error"])
    share, count = float(row["success"]), int(row["episodes"])
    error = math.sqrt(share * (1 - share) / (count - 1)) if count > 1 else None
    return Measure(share, error)


def _per_step(summary: Mapping[str, Any]) -> dict[str, float]:
    told = summary.get("seconds_per_step", {})
    return {part: float(told[part]) for part in STEP_PARTS if part in told}


def _unscored(told: Any) -> list[str]:
    if isinstance(told, int):
        return ["an episode whose screen was lost"] * told
    return [f"{each['task']}: {each['reason']}" for each in told]


def differences(evaluations: Sequence[Evaluation]) -> list[Difference]:
    """Of every two that share tasks."""
    found = []
    for one, other in combinations(evaluations, 2):
        shared = [task for task in one.tasks if task in other.tasks]
        if not shared:
            continue
        gaps = [one.tasks[task] - other.tasks[task] for task in shared]
        error = stdev(gaps) / math.sqrt(len(gaps)) if len(gaps) > 1 else None
        found.append(
            Difference(
                one=one.name,
                other=other.name,
                num_tasks=len(shared),
                mean=fmean(gaps),
                error=error,
            )
        )
    return found


def write_report(evaluations: Sequence[Evaluation], path: Path) -> Path:
    page = render_report(evaluations).encode()
    write_whole(RealDisk(), path, page, durable=False)
    return path


def render_report(evaluations: Sequence[Evaluation]) -> str:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    names = [evaluation.name for evaluation in evaluations]
    tasks = sorted({task for evaluation in evaluations for task in evaluation.tasks})
    return environment.get_template("report.html.j2").render(
        evaluations=evaluations,
        success=grouped_bars(names, [evaluation.groups for evaluation in evaluations]),
        endings=stacked_bars(names, [_ending_parts(evaluation) for evaluation in evaluations]),
        steps=histogram(names, [list(evaluation.steps.values()) for evaluation in evaluations]),
        times=stacked_bars(names, [_time_parts(evaluation) for evaluation in evaluations]),
        differences=differences(evaluations),
        tasks=tasks,
    )


def _ending_parts(evaluation: Evaluation) -> list[Part]:
    total = sum(evaluation.endings.values()) or 1
    parts = []
    for ending, count in sorted(evaluation.endings.items(), key=lambda item: -item[1]):
        name = ending.replace("_", " ").lower()
        series = _ENDING_SERIES.get(name, _OTHER_SERIES)
        parts.append(Part(name, series, count / total, str(count)))
    return parts


def _time_parts(evaluation: Evaluation) -> list[Part]:
    return [
        Part(part, STEP_PARTS.index(part), seconds, f"{seconds:.2f} s")
        for part, seconds in evaluation.seconds_per_step.items()
    ]
