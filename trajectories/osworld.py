"""An episode in the layout OSWorld's own tools read (`show_result.py`, its monitor).

    <result_dir>/pyautogui/screenshot/<model>/<domain>/<task id>/
        traj.jsonl     one line an action
        result.txt     the score and a newline; that it is there means finished

Screenshots stay in the run's store; `screenshot_file` is the path to them.
"""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trajectories.reading import Episode
from trajectories.store import blob_path


def result_folder(result_dir: Path, model: str, domain: str, task_id: str) -> Path:
    return result_dir / "pyautogui" / "screenshot" / model / domain / task_id


def write_result(folder: Path, episode: Episode, run_folder: Path, score: float) -> None:
    """Write both files; `result.txt` last, since readers take it as the mark of a finished task."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(line) + "\n" for line in traj_lines(episode, folder, run_folder)]
    (folder / "traj.jsonl").write_text("".join(lines), encoding="utf-8")
    draft = folder / "result.txt.tmp"
    draft.write_text(f"{score}\n", encoding="ascii")
    draft.replace(folder / "result.txt")


def traj_lines(episode: Episode, folder: Path, run_folder: Path) -> list[dict[str, Any]]:
    """One line an action, or one for a step whose answer gave none.

    The screenshot of a line is the screen after it; after the last action none was taken.
    """
    lines: list[dict[str, Any]] = []
    for step, after in zip(episode.steps, [*episode.steps[1:], None], strict=True):
        if step.intent is None:
            continue
        refused = step.outcome.refused if step.outcome else "in doubt"
        screenshot = None if after is None else blob_path(run_folder, after.observation.image)
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
                    "done": after is None,
                    "info": {"refused": refused} if refused else {},
                    "screenshot_file": screenshot and os.path.relpath(screenshot, folder),
                }
            )
    if lines and episode.end is not None:
        lines[-1]["reward"] = episode.end.score or 0.0
    return lines


def _timestamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%d@%H%M%S%f")
