"""A video as pictures: frames at even distances, each with its time if wanted.

Kimi-VL is shown a video as a row of pictures. Frames are decoded one after another and those
in between let go, so that a long video costs no more memory than the frames that are kept.
"""

from pathlib import Path
from typing import NamedTuple

import av
from av.error import FFmpegError
from PIL import Image

from model.errors import ImageRefused
from model.images import MAX_PIXELS
from model.messages import ImagePart, Part, TextPart

MAX_SECONDS = 4 * 3600.0


class Frame(NamedTuple):
    seconds: float
    """From the video's first frame."""
    image: Image.Image


def sampled_frames(
    path: Path, *, frames_per_second: float = 1.0, max_frames: int = 64
) -> list[Frame]:
    """The first frame, then one for every 1 / `frames_per_second`; of too many, every other one
    is let go and the distance doubled, until they are few enough.

    Raises:
        ImageRefused: no video that can be read, too large a picture, hours too long.
    """
    if frames_per_second <= 0.0 or max_frames < 1:
        raise ValueError(
            f"{frames_per_second} frames a second, at most {max_frames}; expected more than none"
        )
    distance = 1.0 / frames_per_second
    kept: list[Frame] = []
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise ImageRefused(f"{path} has no pictures in it")
            stream = container.streams.video[0]
            if stream.width * stream.height > MAX_PIXELS:
                raise ImageRefused(f"{path} has pictures of {stream.width} x {stream.height}")
            start: float | None = None
            for frame in container.decode(stream):
                if frame.time is None:
                    continue
                start = frame.time if start is None else start
                seconds = frame.time - start
                if seconds > MAX_SECONDS:
                    raise ImageRefused(f"{path} is longer than {MAX_SECONDS:.0f} s")
                # Half a frame early is on time: clocks of video count in fractions.
                if seconds + 1e-3 < len(kept) * distance:
                    continue
                kept.append(Frame(seconds, frame.to_image()))
                if len(kept) > max_frames:
                    kept, distance = kept[::2], 2 * distance
    except (FFmpegError, OSError, ValueError) as error:
        raise ImageRefused(f"{path} is no video that can be read: {error}") from error
    if not kept:
        raise ImageRefused(f"{path} has no frame that can be shown")
    return kept


def parts_of(frames: list[Frame], *, timestamps: bool = True) -> tuple[Part, ...]:
    """For a message: each frame, before it its time as text."""
    parts: list[Part] = []
    for seconds, image in frames:
        if timestamps:
            minutes, rest = divmod(seconds, 60)
            parts.append(TextPart(f"{int(minutes):02}:{rest:04.1f} "))
        parts.append(ImagePart(image))
    return tuple(parts)
