"""What a screen looked like at one moment.

Pixels are RGB, rows from the top; a point is (x, y) in pixels of the screen,
x to the right, y down, the top-left pixel being (0, 0).
"""

from dataclasses import dataclass
from io import BytesIO
from typing import NamedTuple

from PIL import Image, ImageChops

FEW_PX = 200
"""A change that fits into so many pixels, as a blinking block in a terminal does, is none."""

_CARET_SIZE = (4, 100)
"""Nor is one that is no wider and no higher: a bar that blinks in a text, twice as large as usual
on a screen of twice the pixels. In GTK it does for ten seconds."""


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
        if self.image is other.image:
            return True
        return self.size == other.size and self.image.tobytes() == other.image.tobytes()

    def sharing(self, other: "Screenshot") -> "Screenshot":
        """This one, with the other's image object if that has the same pixels.

        Who made something of one picture then knows without looking that it is good for both.
        """
        return Screenshot(other.image, self.taken_at) if self.same_pixels(other) else self

    def shows_another(self, before: "Screenshot", threshold_px: int = FEW_PX) -> bool:
        """Whether it differs from the one before by more than a caret.

        Args:
            threshold_px: the box round what changed may have so many; 0: none, nor a caret.
        """
        if self.size != before.size:
            return True
        if self.image is before.image:
            return False
        box = ImageChops.difference(before.image, self.image).getbbox()
        if box is None:
            return False
        width, height = box[2] - box[0], box[3] - box[1]
        is_caret = width <= _CARET_SIZE[0] and height <= _CARET_SIZE[1]
        return threshold_px == 0 or not (is_caret or width * height <= threshold_px)
