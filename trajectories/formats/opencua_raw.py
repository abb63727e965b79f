"""AgentNetTool's recording folder, and the screenshot that belongs to each of its actions.

    metadata.json  task_name.json  <date time>.mp4  events.jsonl
    reduced_events_complete.jsonl  reduced_events_vis.jsonl      (made here if missing)

Times are seconds of the recorder's own clock. The screenshot of a click is the
earliest frame of the still screen the person was reacting to: back from half a
second before the press, as long as 99 % of the grey pixels are the same, never
before the pointer set out.
"""

import base64
import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray
from PIL import Image

from trajectories.errors import FormatError
from trajectories.formats.opencua_reduce import reduce_events

BEFORE_PRESS_SECONDS = 0.5
SAMPLE_SECONDS = 0.1
ALIKE = 0.99
_POINTED = ("click", "mouse_press", "drag")

Pixels = NDArray[np.uint8]
FrameAt = Callable[[float], Pixels | None]
"""Seconds of the video to [H, W, 3] RGB; None: past its end."""


class Video:
    """The frames of a recording, by time. Reads forward; going back starts again at a key frame."""

    def __init__(self, path: Path) -> None:
        """Raises: FormatError: no video there."""
        try:
            self._container = av.open(str(path))
            self._stream = self._container.streams.video[0]
        except (OSError, ValueError, IndexError) as error:
            raise FormatError(f"{path}: no video can be read: {error}") from error
        rate = self._stream.average_rate or self._stream.guessed_rate
        if not rate:
            raise FormatError(f"{path}: a video without a frame rate")
        self._rate = float(rate)
        self.seconds = self._num_frames() / self._rate
        self._frames: dict[int, Pixels] = {}

    def _num_frames(self) -> int:
        if self._stream.frames:
            return int(self._stream.frames)
        duration = self._stream.duration
        if duration is not None and self._stream.time_base is not None:
            return round(float(duration * self._stream.time_base) * self._rate)
        return round((self._container.duration or 0) / av.time_base * self._rate)

    def frame_at(self, seconds: float) -> Pixels | None:
        """The frame OpenCV gives at that time: the one whose number is nearest."""
        number = int(seconds * self._rate + 0.5)
        if number not in self._frames:
            self._read_around(number)
        return self._frames.get(number)

    def close(self) -> None:
        self._container.close()

    def _read_around(self, number: int) -> None:
        time_base = self._stream.time_base
        assert time_base is not None
        start = self._stream.start_time or 0
        # From a little before, since what is asked for next lies there.
        first = max(0, number - round(self._rate))
        offset = start + round(first / self._rate / time_base)
        self._container.seek(offset, stream=self._stream, backward=True)
        self._frames.clear()
        for frame in self._container.decode(self._stream):
            if frame.pts is None:
                continue
            at = int(float((frame.pts - start) * time_base) * self._rate + 0.5)
            if at >= first:
                self._frames[at] = _pixels(frame)
            if at >= number:
                return


def _pixels(frame: VideoFrame) -> Pixels:
    return np.asarray(
        frame.reformat(format="rgb24", interpolation="BICUBIC").to_ndarray(), np.uint8
    )


def alike(one: Pixels, other: Pixels) -> float:
    """The share of grey pixels that are equal."""
    return float(np.mean(_grey(one) == _grey(other)))


def _grey(pixels: Pixels) -> Pixels:
    """As OpenCV rounds it."""
    red, green, blue = (pixels[..., channel].astype(np.uint32) for channel in range(3))
    return ((red * 4899 + green * 9617 + blue * 1868 + 8192) >> 14).astype(np.uint8)


def extract(folder: Path) -> dict[str, Any]:
    """The episode as their first stage leaves it: actions, each with its frame as a data URI.

    Raises:
        FormatError: what makes their program drop an episode.
    """
    task = read_json(folder / "task_name.json").get("task_name")
    metadata = read_json(folder / "metadata.json")
    if not task:
        raise FormatError(f"{folder / 'task_name.json'}: no task_name")
    videos = sorted(folder.glob("*.mp4"))
    if not videos:
        raise FormatError(f"{folder}: no .mp4")
    complete, shown = _reduced(folder)
    if len(complete) != len(shown):
        raise FormatError(f"{folder}: {len(complete)} complete and {len(shown)} shown actions")
    video = Video(videos[0])
    try:
        start = metadata["video_start_timestamp"]
        events = [
            _event(seen, whole, video, start) for seen, whole in zip(shown, complete, strict=True)
        ]
        if not events:
            raise FormatError(f"{folder}: no actions")
        if (last := _ending(len(events), shown[-1]["end_time"], video, start)) is not None:
            events.append(last)
    except KeyError as error:
        raise FormatError(f"{folder}: no field {error} in an action or in metadata.json") from error
    finally:
        video.close()
    return {
        "episode_id": folder.name,
        "task_name": task,
        "metadata": metadata,
        "events": events,
    }


def read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise FormatError(f"{path}: {error}") from error
    if not isinstance(found, dict):
        raise FormatError(f"{path}: a {type(found).__name__}; expected an object")
    return found


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Raises: FormatError: a line that is not JSON, by its number."""
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").split("\n"), start=1):
        if line.strip():
            try:
                found.append(json.loads(line))
            except ValueError as error:
                raise FormatError(f"{path}:{number}: {error}") from error
    return found


def _reduced(folder: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Complete and shown, from their files or by their reduction."""
    complete = folder / "reduced_events_complete.jsonl"
    shown = folder / "reduced_events_vis.jsonl"
    if complete.exists() and shown.exists():
        return read_lines(complete), read_lines(shown)
    events = folder / "events.jsonl"
    if not events.exists():
        raise FormatError(f"{folder}: neither reduced_events_*.jsonl nor events.jsonl")
    try:
        actions = reduce_events(read_lines(events))
    except (KeyError, ValueError) as error:
        raise FormatError(f"{events}: {error!r}") from error
    return [action.dump() for action in actions], [action.shown() for action in actions]


def _event(
    seen: dict[str, Any], whole: dict[str, Any], video: Video, start: float
) -> dict[str, Any]:
    event = {**seen, "description": whole["description"].split("\n")[0], "axtree": None}
    kind = whole["action"].lower()
    told = whole["description"].lower()
    is_click = "click" in kind or "mouse_press" in kind or "click" in told
    if is_click and "(" not in event["description"]:
        point = whole["coordinate"]
        event["description"] += f" ({point['x']}, {point['y']})"
    elif "scroll" in kind:
        event["trace"] = whole["trace"]
    if kind in _POINTED and "pre_move" in whole:
        at = still_since(
            video.frame_at, whole["pre_move"]["start_time"] - start, seen["start_time"] - start
        )
    else:
        at = max(0.01, seen["start_time"] - start - BEFORE_PRESS_SECONDS)
    frame = video.frame_at(min(at, video.seconds - 0.01) if at >= video.seconds else at)
    if frame is not None:
        event["frame"] = _data_uri(frame)
    return event


def still_since(frame_at: FrameAt, first: float, press: float) -> float:
    """When the screen a press was aimed at had come to rest; seconds of the video.

    Args:
        first: when the pointer set out; the answer is never earlier.
        press: when the button went down.

    Raises:
        FormatError: no frame just before the press.
    """
    at = last = max(first, press - BEFORE_PRESS_SECONDS)
    reference = frame_at(last)
    if reference is None:
        raise FormatError(f"no frame at {last:.2f} s of the video")
    while at >= first:
        frame = frame_at(at)
        if frame is None:
            break
        if alike(frame, reference) < ALIKE:
            return at + SAMPLE_SECONDS
        at -= SAMPLE_SECONDS
    return first


def _ending(number: int, last_time: float, video: Video, start: float) -> dict[str, Any] | None:
    """The end of the task, at the first sign of what the last action did."""
    first = last_time - start
    at = video.seconds - 0.01
    if video.seconds > first:
        at = _changed_at(video, first)
    frame = video.frame_at(at)
    if frame is None:
        return None
    return {
        "action": "terminate",
        "description": "terminate the task",
        "end_time": at,
        "id": number,
        "start_time": at,
        "target": None,
        "time_stamp": at,
        "frame": _data_uri(frame),
        "axtree": None,
    }


def _changed_at(video: Video, first: float) -> float:
    reference = video.frame_at(first)
    at = first
    while reference is not None and at <= video.seconds:
        frame = video.frame_at(at)
        if frame is None:
            break
        if alike(frame, reference) < ALIKE:
            return at + SAMPLE_SECONDS
        at += SAMPLE_SECONDS
    return first


def _data_uri(pixels: Pixels) -> str:
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
