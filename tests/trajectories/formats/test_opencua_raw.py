"""A recording made here, of a real video, through both of their stages."""

import json
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.video.stream import VideoStream

from trajectories.errors import FormatError
from trajectories.formats.opencua_raw import Video, extract, still_since
from trajectories.formats.opencua_standard import read_standardized, standardized

RATE, WIDTH, HEIGHT = 10, 320, 240
START = 1000.0


def write_video(path: Path, shades: list[int]) -> None:
    """A frame a shade, `RATE` a second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.options = {"crf": "0"}
        for shade in shades:
            pixels = np.full((HEIGHT, WIDTH, 3), shade, np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)


def recording(folder: Path) -> Path:
    """The screen changes at 2 s; the pointer sets out at 1.5 s and presses at 3 s; then keys."""
    folder.mkdir()
    write_video(folder / "2026-11-24 10-00-00.mp4", [40] * 20 + [200] * 20 + [90] * 20)
    (folder / "task_name.json").write_text(json.dumps({"task_name": "Save it.", "description": ""}))
    metadata = {"screen_width": WIDTH, "screen_height": HEIGHT, "video_start_timestamp": START}
    (folder / "metadata.json").write_text(json.dumps(metadata), encoding="utf-8-sig")
    rows: list[dict[str, Any]] = [
        {"time_stamp": START + 1.5, "action": "move", "x": 1, "y": 1},
        {
            "time_stamp": START + 3,
            "action": "click",
            "x": 160,
            "y": 60,
            "button": "left",
            "pressed": True,
        },
        {
            "time_stamp": START + 3.05,
            "action": "click",
            "x": 160,
            "y": 60,
            "button": "left",
            "pressed": False,
        },
        {"time_stamp": START + 3.5, "action": "press", "name": "h", "pynput_key": "'h'"},
        {"time_stamp": START + 3.55, "action": "release", "name": "h", "pynput_key": "'h'"},
    ]
    with (folder / "events.jsonl").open("w") as file:
        for number, row in enumerate(rows):
            file.write(json.dumps({**row, "event_idx": number}) + "\n")
    return folder


def test_frames_are_found_by_their_time(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", [0, 50, 100, 150, 200, 250])
    video = Video(tmp_path / "a.mp4")
    assert video.seconds == pytest.approx(0.6)
    for seconds, shade in ((0.0, 0), (0.3, 150), (0.14, 50), (0.16, 100), (0.5, 250), (0.1, 50)):
        frame = video.frame_at(seconds)
        assert frame is not None
        assert abs(int(frame[5, 5, 0]) - shade) < 6
    assert video.frame_at(0.8) is None
    video.close()


def test_the_screen_of_a_press_is_the_earliest_still_one(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", [40] * 20 + [200] * 20)
    video = Video(tmp_path / "a.mp4")
    # Back from 2.5 s to the change at 2 s.
    assert still_since(video.frame_at, 0.5, 3.0) == pytest.approx(2.0, abs=0.1)
    # Never before the pointer set out.
    assert still_since(video.frame_at, 2.3, 3.0) == pytest.approx(2.3)
    with pytest.raises(FormatError, match="no frame"):
        still_since(video.frame_at, 5.0, 9.0)
    video.close()


def test_a_recording_becomes_their_standardized_form_and_a_demo(tmp_path: Path) -> None:
    folder = recording(tmp_path / "episode-1")
    raw = extract(folder)
    assert [event["description"] for event in raw["events"]] == [
        "Single left Click (160, 60)",
        "⌨️ Type: h",
        "terminate the task",
    ]
    told = standardized(raw)
    kinds = [item.get("class_", "action") for item in told["content"]]
    image = "image_observation"
    text = "text_observation"
    assert kinds == [text, image, text, "action", image, "action", image, "action"]
    assert told["content"][3]["guiactions"] == [
        {"action_type": "click", "target": None, "args": {"x": 0.5, "y": 0.25}}
    ]
    path = tmp_path / "told.json"
    path.write_text(json.dumps(told))
    (demo,) = read_standardized(path)
    assert (demo.instruction, demo.success, demo.width) == ("Save it.", True, WIDTH)
    assert [step.sections.code for step in demo.steps] == [
        "pyautogui.click(x=0.5, y=0.25)",
        "pyautogui.write(message='h')",
        "computer.terminate(status='success')",
    ]


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("task_name.json", "task_name"),
        ("events.jsonl", "neither"),
        ("2026-11-24 10-00-00.mp4", "no .mp4"),
    ],
)
def test_a_recording_with_a_part_missing_is_refused(
    tmp_path: Path, missing: str, message: str
) -> None:
    folder = recording(tmp_path / "episode-1")
    (folder / missing).unlink()
    with pytest.raises(FormatError, match=message):
        extract(folder)
