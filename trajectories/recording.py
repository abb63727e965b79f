"""A person's demonstration as it was recorded: events, frames, places, in one log.

    recording-<ulid>/
      steps.log     RUN, then INPUT, REVEAL, FRAME, PLACE, PAUSE, at the end TALLY
      blobs/        or screen.ts, where the screen was recorded as video

Deleted when it was reviewed; what is kept of it is a run (`agent.demonstrate`).
"""

import bisect
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from env.input_event import InputEvent
from trajectories.errors import BlobMissing, LogDamaged, RunNotBegun
from trajectories.log import LOG_NAME, records
from trajectories.pictures import opened, png_of
from trajectories.schema import Frame, Input, Note, Pause, Place, Reveal, Run, Tally
from trajectories.screen_video import VIDEO_NAME, Reel, digest_of
from trajectories.store import read_blob

WITHHELD = "withheld"
"""The key of an event whose name never reached the disk."""
RECORDER = "recorder"
"""The key of an event that was meant for the recorder: pause or stop."""
SETTLED_SECONDS = 0.15
"""A screen that looks the same for so long stands still."""
BEFORE_PRESS_SECONDS = 0.5
"""A pointed action is matched to the screen before the pointer came near, but no further back."""


@dataclass(slots=True)
class Recording:
    run: Run
    folder: Path
    events: list[InputEvent] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    pauses: list[Pause] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    tally: Tally | None = None
    """None: the recorder died; the last moments may be missing."""
    _reel: Reel | None = None

    def picture(self, frame: Frame) -> Image.Image:
        """Mode RGB.

        Raises:
            BlobMissing: it is not there, or is another than was recorded.
        """
        if frame.video is None:
            return opened(read_blob(self.folder, frame.image))
        if self._reel is None:
            self._reel = Reel(self.folder / VIDEO_NAME)
        picture = self._reel.picture(frame.video)
        if digest_of(picture) != frame.image:
            raise BlobMissing(f"frame {frame.video} of {self.folder / VIDEO_NAME} is another")
        return picture

    def png(self, frame: Frame) -> bytes:
        """Raises: BlobMissing."""
        if frame.video is None:
            return read_blob(self.folder, frame.image)
        return png_of(self.picture(frame))

    def settled_frame(self, at: float, not_before: float = float("-inf")) -> Frame | None:
        """The last frame that stood still before a moment; else the last one at all.

        Args:
            not_before: where the pointer set out, for an action with a point.
        """
        at = max(not_before, at)
        starts = [frame.at for frame in self.frames]
        last = bisect.bisect_right(starts, at) - 1
        for index in range(last, -1, -1):
            ended = starts[index + 1] if index + 1 < len(starts) else at
            if min(ended, at) - starts[index] >= SETTLED_SECONDS:
                return self.frames[index]
        return self.frames[max(last, 0)] if self.frames else None

    def changed_between(self, start: float, end: float) -> bool:
        """Did the screen change in that time?"""
        return any(start < frame.at <= end for frame in self.frames)

    def place_at(self, at: float) -> Place | None:
        """The last one told by then; an element is told a moment after the press it is of."""
        starts = [place.at for place in self.places]
        index = bisect.bisect_right(starts, at) - 1
        return self.places[index] if index >= 0 else None


def read_recording(folder: Path) -> Recording:
    """
    Raises:
        RunNotBegun: nothing was recorded.
        LogDamaged: it is no recording's log, or damaged before its tail.
    """
    stream = records((folder / LOG_NAME).read_bytes())
    run = next(stream, None)
    if run is None:
        raise RunNotBegun(f"{folder / LOG_NAME} holds no good record")
    if not isinstance(run, Run) or run.settings.get("kind") != "recording":
        raise LogDamaged(f"{folder} is no recording; expected one made by main.py record")
    recording = Recording(run, folder)
    for record in stream:
        match record:
            case Input():
                recording.events += [_event(row) for row in record.events]
            case Reveal():
                for number, key, char, code in record.keys:
                    withheld = recording.events[number]
                    recording.events[number] = withheld._replace(key=key, char=char, code=code)
            case Frame():
                recording.frames.append(record)
            case Place():
                recording.places.append(record)
            case Pause():
                recording.pauses.append(record)
            case Note():
                recording.notes.append(record)
            case Tally():
                recording.tally = record
            case _:
                raise LogDamaged(f"a {type(record).__name__} in the recording {folder}")
    # Frames of a time in which something was typed are stored when it is known to be no secret.
    recording.frames.sort(key=lambda frame: frame.at)
    recording.places.sort(key=lambda place: place.at)
    return recording


def _event(row: list[object]) -> InputEvent:
    event = InputEvent(*row)  # type: ignore[arg-type]
    return event._replace(key=WITHHELD) if event.kind == "key" and not event.key else event


def find_recordings(path: Path) -> Iterator[Path]:
    """Recording folders at or below a path, oldest first."""
    if path.name.startswith("recording-"):
        yield path
    else:
        yield from sorted(log.parent for log in path.glob(f"**/recording-*/{LOG_NAME}"))
