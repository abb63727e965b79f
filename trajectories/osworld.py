"""An episode in the layout OSWorld's own tools read (`show_result.py`, its monitor).

    <result_dir>/pyautogui/screenshot/<model>/<domain>/<task id>/
        traj.jsonl                 one line an action
        step_<n>_<timestamp>.png   the screen after step n; step_0_... before the first
        task.json                  the instruction, which theirs leave to the task's own file
        result.txt                 the score and a newline; that it is there means finished

`trajectories.formats.osworld_results` reads it again, and theirs. Pictures are hard
links into the run's store where the disk allows it.
"""

import json
import os
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trajectories.reading import Episode, Step
from trajectories.schema import Observation
from trajectories.store import blob_path

TASK_NAME = "task.json"


def result_folder(result_dir: Path, model: str, domain: str, task_id: str) -> Path:
    return result_dir / "pyautogui" / "screenshot" / model / domain / task_id


def write_result(folder: Path, episode: Episode, run_folder: Path, score: float) -> None:
    """Write all files; `result.txt` last, since readers take it as the mark of a finished task."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, step in enumerate(_seen(episode)):
        _link(blob_path(run_folder, step.image), folder / _picture_name(number, step))
    lines = [json.dumps(line, ensure_ascii=False) + "\n" for line in traj_lines(episode)]
    (folder / "traj.jsonl").write_text("".join(lines), encoding="utf-8")
    start = episode.start
    task: dict[str, Any] = {"id": folder.name, "instruction": start.instruction}
    task |= {"task": start.task, "seed": start.seed}
    text = json.dumps(task, indent=2, ensure_ascii=False) + "\n"
    (folder / TASK_NAME).write_text(text, encoding="utf-8")
    draft = folder / "result.txt.tmp"
    draft.write_text(f"{score}\n", encoding="ascii")
    draft.replace(folder / "result.txt")


def traj_lines(episode: Episode) -> list[dict[str, Any]]:
    """One line an action, or one for a step whose answer gave none.

    The screenshot of a line is the screen after the whole step. After the last none was
    taken; where it only said that the task is over, it is the one that was said of.
    """
    lines: list[dict[str, Any]] = []
    seen = _seen(episode)
    for index, step in enumerate(episode.steps):
        if step.intent is None:
            continue
        refused = step.outcome.refused if step.outcome else "in doubt"
        is_last = index + 1 == len(episode.steps)
        after = _picture_name(index + 1, seen[index + 1]) if index + 1 < len(seen) else None
        actions: list[dict[str, Any] | None] = [*step.intent.actions] or [None]
        for action in actions:
            lines.append(
                {
                    "step_num": step.number,
                    "action_timestamp": _timestamp(step.observation.taken_at),
                    "action": action,
                    "natural_language_action": step.intent.sentence,
                    "response": step.intent.response,
                    "reward": 0.0,
                    "done": is_last,
                    "info": {"refused": refused} if refused else {},
                    "screenshot_file": after,
                }
            )
    if lines and episode.end is not None:
        lines[-1]["reward"] = episode.end.score or 0.0
    return lines


def _seen(episode: Episode) -> Sequence[Observation]:
    """Before each step, and after the last where that is known."""
    seen = [step.observation for step in episode.steps]
    if episode.steps and _only_ended(episode.steps[-1]):
        seen.append(seen[-1])
    return seen


def _only_ended(step: Step) -> bool:
    return step.intent is not None and not step.intent.actions and not step.error


def _picture_name(number: int, seen: Observation) -> str:
    return f"step_{number}_{_timestamp(seen.taken_at)}.png"


def _link(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _timestamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%d@%H%M%S%f")
