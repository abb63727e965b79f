"""`main.py export --format opencua-raw`: runs and recordings as AgentNetTool leaves them."""

from collections.abc import Callable
from pathlib import Path

from trajectories.acted_out import acted_out
from trajectories.export import Wanted, why_not
from trajectories.formats.opencua_folder import write_raw
from trajectories.log import LOG_NAME
from trajectories.reading import read_runs
from trajectories.recording import Recording, find_recordings, read_recording
from ui.options import Export

Say = Callable[[str], None]
DONE, FAILED = 0, 1
REVIEWED, WHOLE = "reviewed", "whole"
"""The note that says that a person looked a recording through and deleted nothing."""


def export_raw(options: Export, wanted: Wanted, say: Say) -> int:
    count = 0
    for path in options.paths:
        recordings = list(find_recordings(path))
        for folder in recordings:
            recording = read_recording(folder)
            reason = _why_not(recording)
            if reason:
                say(f"left out {folder}: {reason}")
                continue
            task, remark = _remark(recording, "before"), _remark(recording, "after")
            write_raw(recording, options.out / folder.name, task, remark)
            count += 1
        # A folder may hold both; one with neither is told of.
        if not recordings or any(path.glob(f"**/run-*/{LOG_NAME}")):
            count += _export_runs(options, path, wanted, say)
    say(f"{count} recordings in {options.out}")
    return DONE if count else FAILED


def _export_runs(options: Export, path: Path, wanted: Wanted, say: Say) -> int:
    count = 0
    for run in read_runs(path):
        for number, episode in enumerate(run.episodes):
            if (reason := why_not(run, episode, wanted)) is not None:
                say(f"left out {run.run.run_id}-{number}: {reason}")
                continue
            if not episode.steps:
                continue
            acted = acted_out(run, number)
            folder = options.out / f"{run.run.run_id}-{number}"
            write_raw(acted.recording, folder, episode.start.instruction, told=acted.told)
            count += 1
    return count


def _why_not(recording: Recording) -> str:
    """Why it is not exported; empty: it is."""
    if recording.run.settings.get("reviewed"):
        return ""
    told = _remark(recording, REVIEWED)
    if not told:
        return "nobody looked it through"
    return "" if told == WHOLE else f"{told} when it was looked through, and are still in it"


def _remark(recording: Recording, kind: str) -> str:
    return "\n".join(note.text for note in recording.notes if note.kind == kind)
