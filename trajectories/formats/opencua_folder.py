"""A recording of ours as AgentNetTool's folder, and theirs as one of ours.

Written, it has everything their tool leaves on a computer without
accessibility of theirs: events, both reduced files by their rules, the window
in front, the element under each press, and a lossless video. Read, it is a
recording like any: `trajectories.reduce` makes of it what their rules lose.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.stream import VideoStream
from PIL import Image

from env.input_event import InputEvent
from trajectories.acted_out import Told
from trajectories.errors import FormatError
from trajectories.formats.opencua_keys import our_name, their_key, their_name
from trajectories.formats.opencua_raw import Pixels, read_json, read_lines
from trajectories.formats.opencua_reduce import reduce_events
from trajectories.pictures import png_of
from trajectories.recording import RECORDER, Recording
from trajectories.schema import Frame, Input, Note, Pause, Place, Reveal, Tally
from trajectories.store import RunStore

FRAMES_A_SECOND = 30
"""Theirs."""
_BUTTONS = {1: "left", 2: "middle", 3: "right", 8: "x1", 9: "x2"}
_NUMBERS = {name: number for number, name in _BUTTONS.items()}
_TICKS = {4: (0, 1), 5: (0, -1), 6: (-1, 0), 7: (1, 0)}
_MOST_TICKS = 100
_LOOKS_A_SECOND = 10
_MUCH, _FEW_PIXELS = 24, 8
"""In a video that was compressed with loss: so much greyer, so many pixels, and the screen is
another."""
Row = dict[str, Any]


def write_raw(
    recording: Recording, folder: Path, task: str, remark: str = "", told: Sequence[Told] = ()
) -> Path:
    """
    Args:
        folder: made here; it must not be there yet.
        told: what was meant, which takes the place of their annotator's words.

    Raises:
        FormatError: nothing can be seen in the recording.
        BlobMissing: a picture is gone.
    """
    if not recording.frames:
        raise FormatError(f"{recording.folder}: no frame in it; expected a screen to show")
    folder.mkdir(parents=True)
    rows = list(_rows(recording))
    _write_lines(folder / "events.jsonl", rows)
    actions = reduce_events(rows)
    _write_lines(folder / "reduced_events_complete.jsonl", [each.dump() for each in actions])
    shown = [_in_words(each.shown(), told) for each in actions]
    _write_lines(folder / "reduced_events_vis.jsonl", shown)
    windows = [place for place in recording.places if not place.role]
    _write_lines(
        folder / "top_window.jsonl",
        [{"time_stamp": place.at, "top_window_name": place.window} for place in windows],
    )
    elements = [place for place in recording.places if place.role]
    _write_lines(folder / "element.jsonl", map(_element, elements))
    start = recording.frames[0].at
    end = max([recording.frames[-1].at, *(event.at for event in recording.events[-1:])]) + 1.0
    began = recording.run.started_at
    began_at, ended_at = (datetime.fromtimestamp(each) for each in (began, began + end - start))
    width, height = recording.run.settings["size"]
    metadata = {
        "system": "Linux",
        "release": "",
        "version": "",
        "machine": "",
        "processor": "",
        "screen_width": width,
        "screen_height": height,
        "model": "",
        "scroll_direction": 1,
        "start_time": f"{began_at:%Y-%m-%d %H:%M:%S}",
        "stop_time": f"{ended_at:%Y-%m-%d %H:%M:%S}",
        "video_start_timestamp": start,
        "obs_record_state_timings": {},
    }
    _write_json(folder / "metadata.json", metadata)
    _write_json(folder / "task_name.json", {"task_name": task, "description": remark})
    _write_video(recording, folder / f"{began_at:%Y-%m-%d %H-%M-%S}.mp4", start, end)
    return folder


def _rows(recording: Recording) -> Iterator[Row]:
    """The lines of `events.jsonl`; what they cannot say is left out."""
    pauses = [
        {"time_stamp": pause.at, "action": "pause" if pause.paused else "resume"}
        for pause in recording.pauses
    ]
    dropped = _for_the_recorder(recording.events)
    events = (
        row
        for number, event in enumerate(recording.events)
        if number not in dropped and (row := _row(event)) is not None
    )
    merged = sorted([*events, *pauses], key=lambda row: row["time_stamp"])
    for number, row in enumerate(merged):
        yield {**row, "event_idx": number}


def _row(event: InputEvent) -> Row | None:
    point = {"x": event.x, "y": event.y}
    match event.kind:
        case "move":
            return {"time_stamp": event.at, "action": "move", **point}
        case "button" if event.button in _TICKS:
            right, up = _TICKS[event.button]
            tick = {"time_stamp": event.at, "action": "scroll", **point, "dx": right, "dy": up}
            return tick if event.down else None
        case "button":
            button = _BUTTONS.get(event.button, f"button{event.button}")
            press = {"button": button, "pressed": event.down}
            return {"time_stamp": event.at, "action": "click", **point, **press}
        case "key":
            name = their_name(event.key, event.char)
            if name is None:
                return None
            kind = "press" if event.down else "release"
            key = {"name": name, "pynput_key": their_key(name)}
            return {"time_stamp": event.at, "action": kind, **key}


def _for_the_recorder(events: Sequence[InputEvent]) -> set[int]:
    """Keys that were held for a chord of the recorder's own, which theirs has no place for."""
    dropped: set[int] = set()
    down: dict[int, int] = {}
    let_go_of: set[int] = set()
    for number, event in enumerate(events):
        if event.kind != "key":
            continue
        if event.key == RECORDER:
            if event.down:
                dropped |= set(down.values())
                let_go_of |= set(down)
        elif event.down:
            down.setdefault(event.code, number)
        else:
            down.pop(event.code, None)
            if event.code in let_go_of:
                let_go_of.remove(event.code)
                dropped.add(number)
    return dropped


def _in_words(shown: Row, told: Sequence[Told]) -> Row:
    words = [each.words for each in told if each.since <= shown["start_time"] <= each.until]
    return {**shown, "action": words[0]} if words and words[0] else shown


def _element(place: Place) -> Row:
    left, top, right, bottom = place.box or (0, 0, 0, 0)
    box = {"left": left, "top": top, "right": right, "bottom": bottom}
    box |= {"x": left, "y": top, "w": right - left, "h": bottom - top}
    tree = {"Name": place.name, "ControlType": place.role, "BoundingRectangle": box}
    return {"time_stamp": place.at, "a11y_tree": {**tree, "Depth": 0, "Children": []}}


def _write_lines(path: Path, rows: Iterable[Row]) -> None:
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_text(text, encoding="utf-8")


def _write_json(path: Path, value: Row) -> None:
    path.write_text(json.dumps(value, indent=4, ensure_ascii=False) + "\n", encoding="utf-8")


def _write_video(recording: Recording, path: Path, start: float, end: float) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264rgb", rate=FRAMES_A_SECOND)
        assert isinstance(stream, VideoStream)
        first = recording.picture(recording.frames[0])
        stream.width, stream.height, stream.pix_fmt = *first.size, "rgb24"
        stream.options = {"qp": "0", "preset": "ultrafast"}
        # A frame is there from the first tick at which the screen looked so.
        ticks = [round((frame.at - start) * FRAMES_A_SECOND) for frame in recording.frames]
        ticks.append(round((end - start) * FRAMES_A_SECOND))
        for frame, tick, until in zip(recording.frames, ticks, ticks[1:], strict=False):
            if until <= tick:
                continue
            shown = av.VideoFrame.from_image(recording.picture(frame))
            for place in range(tick, until):
                shown.pts, shown.time_base = place, Fraction(1, FRAMES_A_SECOND)
                for packet in stream.encode(shown):
                    container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)


def read_raw(folder: Path, store: RunStore) -> None:
    """Write theirs into a recording of ours (`RunStore.create` with `recording_settings`).

    Raises:
        FormatError: a file that is missing or is none.
    """
    metadata = read_json(folder / "metadata.json")
    try:
        start = float(metadata["video_start_timestamp"])
        rows = read_lines(folder / "events.jsonl")
        width, height = recording_settings(folder)["size"]
        # Windows counts in points of its own where it enlarges what it shows.
        across, down = width / metadata["screen_width"], height / metadata["screen_height"]
        events = [
            event._replace(x=round(event.x * across), y=round(event.y * down))
            for event in _events(rows)
        ]
        pauses = [
            Pause(at=float(row["time_stamp"]), paused=row["action"] == "pause")
            for row in rows
            if row["action"] in ("pause", "resume")
        ]
        places = list(_places(folder))
    except (KeyError, TypeError, ValueError, OSError, ZeroDivisionError) as error:
        raise FormatError(f"{folder}: {error!r}") from error
    store.append(Note(step=1, kind="before", text=task_of(folder)))
    store.append(Input(first=0, events=[[*event[:6], "", "", 0] for event in events]))
    keys = [[n, *event[6:]] for n, event in enumerate(events) if event.kind == "key"]
    store.append(Reveal(keys=keys))
    told: list[Pause | Place] = [*pauses, *places]
    for record in told:
        store.append(record)
    for at, image in _looks(_video_of(folder), start):
        store.append(Frame(at=at, image=store.store_image(png_of(image))))
    tally = Tally(num_seen=len(events), num_stored=len(events), num_withheld=0)
    store.append(tally, sync=True)


def recording_settings(folder: Path) -> dict[str, Any]:
    """Raises: FormatError."""
    with av.open(str(_video_of(folder))) as container:
        stream = container.streams.video[0]
        size = [stream.width, stream.height]
    return {"kind": "recording", "size": size, "reviewed": True, "task": "agentnet"}


def task_of(folder: Path) -> str:
    """Raises: FormatError."""
    task = read_json(folder / "task_name.json").get("task_name")
    if not isinstance(task, str) or not task:
        raise FormatError(f"{folder / 'task_name.json'}: no task_name")
    return task


def _video_of(folder: Path) -> Path:
    videos = sorted(folder.glob("*.mp4"))
    if not videos:
        raise FormatError(f"{folder}: no .mp4")
    return videos[0]


def _events(rows: Iterable[Row]) -> Iterator[InputEvent]:
    x = y = 0
    codes: dict[str, int] = {}
    for row in rows:
        at, kind = float(row["time_stamp"]), row["action"]
        if kind in ("move", "click", "scroll"):
            x, y = round(row["x"]), round(row["y"])
        match kind:
            case "move":
                yield InputEvent(at, "move", x, y)
            case "click":
                number = _NUMBERS.get(row["button"], 10)
                yield InputEvent(at, "button", x, y, bool(row["pressed"]), number)
            case "scroll":
                for amount, forwards, backwards in ((row["dy"], 4, 5), (row["dx"], 7, 6)):
                    button = forwards if amount > 0 else backwards
                    for _ in range(min(abs(round(amount)), _MOST_TICKS)):
                        yield InputEvent(at, "button", x, y, True, button)
                        yield InputEvent(at, "button", x, y, False, button)
            case "press" | "release":
                name = str(row["name"])
                code = codes.setdefault(name, len(codes) + 8)
                yield InputEvent(at, "key", x, y, kind == "press", 0, *our_name(name), code)
            case "pause" | "resume":
                continue
            case _:
                raise ValueError(f"an event of kind {kind!r}")


def _places(folder: Path) -> Iterator[Place]:
    windows = folder / "top_window.jsonl"
    window = ""
    found: list[tuple[float, Row]] = []
    for path in (windows, folder / "element.jsonl"):
        if path.exists():
            found += [(float(row["time_stamp"]), row) for row in read_lines(path)]
    for at, row in sorted(found, key=lambda each: each[0]):
        if "top_window_name" in row:
            window = str(row["top_window_name"])
            yield Place(at=at, window=window, window_class="")
            continue
        tree = row.get("a11y_tree") or {}
        box = tree.get("BoundingRectangle") or {}
        sides = [box[side] for side in ("left", "top", "right", "bottom")] if box else None
        role, name = str(tree.get("ControlType") or ""), str(tree.get("Name") or "")
        yield Place(at=at, window=window, window_class="", role=role, name=name, box=sides)


def _looks(path: Path, start: float) -> Iterator[tuple[float, Image.Image]]:
    """The screen whenever it changed, at most some times a second."""
    last: Pixels | None = None
    looked_at = float("-inf")
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        # What was recorded without loss is another as soon as one pixel is.
        is_exact = (stream.codec_context.pix_fmt or "").startswith(("gbr", "rgb", "bgr"))
        for frame in container.decode(stream):
            at = 0.0 if frame.time is None else float(frame.time)
            if not is_exact and at - looked_at < 1 / _LOOKS_A_SECOND - 0.001:
                continue
            looked_at = at
            pixels: Pixels = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
            if last is None or _differ(pixels, last, is_exact):
                last = pixels
                yield start + at, Image.fromarray(pixels)


def _differ(one: Pixels, other: Pixels, is_exact: bool) -> bool:
    if is_exact:
        return not np.array_equal(one, other)
    grey, grey_before = one.mean(-1), other.mean(-1)
    return int((np.abs(grey - grey_before) > _MUCH).sum()) >= _FEW_PIXELS
