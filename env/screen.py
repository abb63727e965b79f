"""What a screen looked like at one moment.

Pixels are RGB, rows from the top; a point is (x, y) in pixels of the screen,
x to the right, y down, the top-left pixel being (0, 0).
"""

from dataclasses import dataclass
from io import BytesIO
from typing import NamedTuple

from PIL import Image


class ScreenSize(NamedTuple):
    width: int
    """Pixels, as the desktop counts them (not the picture sent to a model)."""
    height: int


class Box(NamedTuple):
    """A rectangle of the screen; right and bottom are the first pixels outside it."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def center(self) -> tuple[int, int]:
        return (self.left + self.right) // 2, (self.top + self.bottom) // 2


@dataclass(frozen=True, slots=True)
class Screenshot:
    image: Image.Image
    """Mode RGB, at the screen's own resolution."""
    taken_at: float
    """Seconds since the epoch."""

    @property
    def size(self) -> ScreenSize:
        return ScreenSize(*self.image.size)

    def png(self) -> bytes:
        """Lossless, with the quickest compression: a capture must not wait for its file."""
        buffer = BytesIO()
        self.image.save(buffer, format="PNG", compress_level=1)
        return buffer.getvalue()

    def same_pixels(self, other: "Screenshot") -> bool:
        return self.size == other.size and self.image.tobytes() == other.image.tobytes()
