"""An episode in the layout OSWorld's own tools read (`show_result.py`, its monitor).

    <result_dir>/pyautogui/screenshot/<model>/<domain>/<task id>/
        traj.jsonl                 one line an action
        step_<n>_<timestamp>.png   the screen after step n; step_0_... before the first
        task.json                  the instruction, which theirs leave to the task's own file
        result.txt                 the score and a newline; that it is there means finished

A step is one answer; its actions share its number and the screenshot after the
last of them. `trajectories.formats.osworld_results` reads it again, and theirs.
Pictures are hard links into the run's store where the disk allows it.
"""

import json
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from env.errors import ActionRefused
from env.pyautogui_code import pyautogui_code
from trajectories.action_json import decode
from trajectories.reading import Episode, Step
from trajectories.store import blob_path

DONE, FAIL = "DONE", "FAIL"
TASK_NAME, RESULT_NAME = "task.json", "result.txt"


class LastLook(NamedTuple):
    """The screen when the episode was over; the log has no observation of it."""

    png: bytes
    at: float
    """Seconds since the epoch."""


def model_folder(result_dir: Path, model: str) -> Path:
    return result_dir / "pyautogui" / "screenshot" / _file_name(model)


def result_folder(result_dir: Path, model: str, domain: str, task_id: str) -> Path:
    """Names come from runs that may be anybody's: none leads out of `result_dir`."""
    return model_folder(result_dir, model) / _file_name(domain) / _file_name(task_id)


def _file_name(name: str) -> str:
    flat = name.replace("/", "_").replace("\0", "_")
    return f"_{flat}" if flat in ("", ".", "..") else flat


def write_result(
    folder: Path,
    episode: Episode,
    run_folder: Path,
    score: float | None,
    last: LastLook | None = None,
) -> None:
    """Write all files; `result.txt` last, since readers take it as the mark of a finished task.

    Args:
        score: None: it could not be judged, and there is no `result.txt`.
        last: the screen after the last step. None: nobody looked; where that step only said
            that the task is over, it is the one that was said of.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if last is None and episode.steps and _only_ended(step := episode.steps[-1]):
        last = LastLook(step.png(), step.observation.taken_at)
    _write_pictures(folder, episode, run_folder, last)
    lines = [json.dumps(line, ensure_ascii=False) + "\n" for line in traj_lines(episode, last)]
    (folder / "traj.jsonl").write_text("".join(lines), encoding="utf-8")
    start = episode.start
    task: dict[str, Any] = {"id": folder.name, "instruction": start.instruction}
    task |= {"task": start.task, "seed": start.seed}
    text = json.dumps(task, indent=2, ensure_ascii=False) + "\n"
    (folder / TASK_NAME).write_text(text, encoding="utf-8")
    if score is None:
        return
    draft = folder / f"{RESULT_NAME}.tmp"
    draft.write_text(f"{score}\n", encoding="ascii")
    draft.replace(folder / RESULT_NAME)


def traj_lines(episode: Episode, last: LastLook | None = None) -> list[dict[str, Any]]:
    """One line an action, or one for a step whose answer gave none.

    The screenshot of a line is the screen after the whole step.
    """
    lines: list[dict[str, Any]] = []
    for step, after in zip(episode.steps, [*episode.steps[1:], None], strict=False):
        if step.intent is None:
            continue
        looked_at = after.observation.taken_at if after else last.at if last else None
        picture = None if looked_at is None else _picture_name(step.number, looked_at)
        for action in actions_of(step) or [""]:
            lines.append(
                {
                    "step_num": step.number,
                    "action_timestamp": _timestamp(step.observation.taken_at),
                    "action": action,
                    "natural_language_action": step.intent.sentence,
                    "response": step.intent.response,
                    "reward": 0.0,
                    "done": False,
                    "info": _info(step, action),
                    "screenshot_file": picture,
                }
            )
    if lines:
        lines[-1]["done"] = True
    if lines and episode.end is not None:
        lines[-1]["reward"] = episode.end.score or 0.0
    return lines


def actions_of(step: Step) -> list[str | dict[str, Any]]:
    """What was sent to the screen, in DesktopEnv's words: pyautogui in pixels, WAIT, DONE, FAIL."""
    assert step.intent is not None, f"step {step.number} has no answer"
    actions = [_told(action) for action in step.intent.actions]
    for proposal in step.intent.proposals:
        if proposal.get("proposal") == "Finish" and not step.error:
            actions.append(DONE if proposal.get("success") else FAIL)
    return actions


def _told(action: dict[str, Any]) -> str | dict[str, Any]:
    try:
        return pyautogui_code(decode(action))
    except ActionRefused:
        # A key that our keyboards have and pyautogui has not; the format takes values too.
        return action


def _info(step: Step, action: str | dict[str, Any]) -> dict[str, Any]:
    if action in (DONE, FAIL):
        return {"done" if action == DONE else "fail": True}
    return {"refused": step.error} if step.error else {}


def _only_ended(step: Step) -> bool:
    return step.intent is not None and not step.intent.actions and not step.error


def _write_pictures(
    folder: Path, episode: Episode, run_folder: Path, last: LastLook | None
) -> None:
    for number, step in enumerate(episode.steps):
        name = _picture_name(number, step.observation.taken_at)
        _link(blob_path(run_folder, step.observation.image), folder / name)
    if last is not None:
        (folder / _picture_name(len(episode.steps), last.at)).write_bytes(last.png)


def _picture_name(step: int, at: float) -> str:
    """
    Args:
        step: after which it was taken; 0: before the first.
    """
    return f"step_{step}_{_timestamp(at)}.png"


def _link(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _timestamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%d@%H%M%S%f")
