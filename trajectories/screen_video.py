"""The screen of a recording as one video instead of a picture a change: lossless, smaller.

    recording-<ulid>/screen.ts

An MPEG transport stream, since every frame of it is in the file as soon as it
was written: an MP4 whose writer died cannot be opened at all. Pixels come back
exactly (H.264 on RGB, nothing quantised), and a picture is known by its place:
the nth frame written is the nth read.
"""

import hashlib
import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
from av.video.stream import VideoStream
from PIL import Image

from trajectories.errors import BlobMissing

VIDEO_NAME = "screen.ts"
_MILLISECONDS = Fraction(1, 1000)
_KEY_FRAME_EVERY = 60
_LOSSLESS: dict[str, object] = {"qp": "0", "preset": "ultrafast", "tune": "zerolatency"}
"""zerolatency: no frame waits in the encoder for the ones after it."""


def digest_of(image: Image.Image) -> str:
    """What names a picture of a video: SHA-256 of its RGB pixels, in hex."""
    return hashlib.sha256(image.tobytes()).hexdigest()


class ScreenVideo:
    """The writing end. Closed by who opened it."""

    def __init__(self, folder: Path, width: int, height: int) -> None:
        """Raises: FileExistsError: the folder has a video already."""
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(folder / VIDEO_NAME, flags, 0o600)
        self._file = os.fdopen(fd, "w+b", buffering=0)
        self._container = av.open(
            self._file, "w", format="mpegts", options={"fflags": "+flush_packets"}
        )
        stream = self._container.add_stream("libx264rgb", rate=10)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, "rgb24"
        stream.codec_context.time_base = stream.time_base = _MILLISECONDS
        stream.codec_context.gop_size = _KEY_FRAME_EVERY
        stream.options = _LOSSLESS
        self._stream = stream
        self._started: float | None = None
        self._shown_at = -1
        self._count = 0

    def add(self, image: Image.Image, at: float) -> int:
        """
        Args:
            image: mode RGB, of the video's size.
            at: seconds of any clock; not before the frame before.

        Gives its number, counted from 0.
        """
        if self._started is None:
            self._started = at
        self._shown_at = max(self._shown_at + 1, round((at - self._started) * 1000))
        frame = av.VideoFrame.from_image(image)
        frame.pts, frame.time_base = self._shown_at, _MILLISECONDS
        for packet in self._stream.encode(frame):
            self._container.mux(packet)
        self._count += 1
        return self._count - 1

    def sync(self) -> None:
        """Return when what was added would survive a power cut. Raises: OSError."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Safe to call twice."""
        if self._file.closed:
            return
        for packet in self._stream.encode():
            self._container.mux(packet)
        self._container.close()
        self.sync()
        self._file.close()


class Reel:
    """The reading end: pictures by their number, quick in their order. Holds one at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._frames: Iterator[Image.Image] = iter(())
        self._next = 0
        self._last: Image.Image | None = None

    def picture(self, number: int) -> Image.Image:
        """Mode RGB.

        Raises:
            BlobMissing: the video ends before it, or is not there.
        """
        if self._last is None or number < self._next - 1:
            self._frames, self._next, self._last = self._decoded(), 0, None
        while self._next <= number:
            self._last = next(self._frames, None)
            if self._last is None:
                raise BlobMissing(f"{self._path} ends after {self._next} frames, before {number}")
            self._next += 1
        assert self._last is not None
        return self._last

    def _decoded(self) -> Iterator[Image.Image]:
        try:
            with av.open(str(self._path)) as container:
                for frame in container.decode(video=0):
                    yield frame.to_image()
        except (OSError, ValueError, IndexError) as error:
            raise BlobMissing(f"{self._path} cannot be read: {error}") from error
