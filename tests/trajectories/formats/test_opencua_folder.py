"""Ours out as theirs and in again: the same events, actions and pictures."""

import json
from pathlib import Path

import pytest

from env.input_event import InputEvent
from tests.trajectories.conftest import MakeRun, make_run
from trajectories.acted_out import acted_out
from trajectories.errors import FormatError
from trajectories.formats.opencua_folder import read_raw, recording_settings, task_of, write_raw
from trajectories.formats.opencua_raw import extract
from trajectories.formats.opencua_standard import standardized
from trajectories.reading import read_run
from trajectories.recording import RECORDER, WITHHELD, Recording, read_recording
from trajectories.reduce import reduce_recording
from trajectories.schema import Pause, Place
from trajectories.store import RunStore

__all__ = ["make_run"]


@pytest.fixture
def recording(make_run: MakeRun) -> Recording:
    made = acted_out(read_run(make_run()), 0).recording
    made.places.append(Place(at=0.5, window="Editor – 日本", window_class="e.E"))
    made.places.append(
        Place(at=1.0, window="Editor – 日本", window_class="", role="push button", name="Save",
              box=[1, 2, 30, 40])
    )  # fmt: skip
    return made


def again(folder: Path, out: Path) -> Recording:
    settings = recording_settings(folder)
    with RunStore.create(
        out, policy="imported", settings=settings, kind="recording", durable=False
    ) as store:
        read_raw(folder, store)
    return read_recording(store.folder)


def test_a_recording_comes_back_from_their_folder(recording: Recording, tmp_path: Path) -> None:
    folder = write_raw(recording, tmp_path / "theirs", "Save it.")
    back = again(folder, tmp_path)
    assert task_of(folder) == "Save it."
    before, after = reduce_recording(recording), reduce_recording(back)
    assert [each.action for each in after] == [each.action for each in before]
    assert len(before) == 7
    for one, other in zip(before, after, strict=True):
        assert one.began == pytest.approx(other.began)
        assert one.frame is not None
        assert other.frame is not None
        picture = recording.picture(one.frame)
        assert back.picture(other.frame).tobytes() == picture.tobytes()
    assert before[0].place is not None
    assert after[0].place is not None
    assert (after[0].place.window, after[0].place.name) == ("Editor – 日本", "Save")


def test_it_is_a_recording_to_their_rules_too(recording: Recording, tmp_path: Path) -> None:
    folder = write_raw(recording, tmp_path / "theirs", "Save it.")
    names = {path.name for path in folder.iterdir() if path.suffix != ".mp4"}
    assert names == {
        "metadata.json",
        "task_name.json",
        "events.jsonl",
        "reduced_events_complete.jsonl",
        "reduced_events_vis.jsonl",
        "top_window.jsonl",
        "element.jsonl",
    }
    told = standardized(extract(folder))
    kinds = [
        [action["action_type"] for action in item["guiactions"]]
        for item in told["content"]
        if "guiactions" in item
    ]
    assert kinds == [
        ["click"],
        # A dollar in a text ends it there: their converter's way.
        ["write", "press", "write"],
        ["hotkey"],
        ["moveTo", "scroll"],
        ["moveTo", "dragTo"],
        ["doubleClick"],
        ["terminate"],
    ]


def test_what_is_withheld_or_the_recorders_own_is_not_in_it(
    recording: Recording, tmp_path: Path
) -> None:
    recording.events[:0] = [
        InputEvent(0.1, "key", 0, 0, True, 0, WITHHELD),
        InputEvent(0.2, "key", 0, 0, True, 0, "ctrl", "", 37),
        InputEvent(0.3, "key", 0, 0, True, 0, RECORDER, "", 75),
        InputEvent(0.4, "key", 0, 0, False, 0, "ctrl", "", 37),
    ]
    recording.pauses += [Pause(at=0.3, paused=True), Pause(at=0.35, paused=False)]
    folder = write_raw(recording, tmp_path / "theirs", "Save it.")
    rows = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    assert [row["action"] for row in rows[:3]] == ["pause", "resume", "move"]
    assert [row["event_idx"] for row in rows] == list(range(len(rows)))
    assert [each.action for each in reduce_recording(again(folder, tmp_path))] == [
        each.action for each in reduce_recording(recording) if each.action is not None
    ]


@pytest.mark.parametrize("name", ["metadata.json", "events.jsonl", "task_name.json"])
def test_a_folder_with_a_part_broken_is_refused(
    name: str, recording: Recording, tmp_path: Path
) -> None:
    folder = write_raw(recording, tmp_path / "theirs", "Save it.")
    (folder / name).write_text('{"action": 3}')
    with pytest.raises(FormatError):
        again(folder, tmp_path)
