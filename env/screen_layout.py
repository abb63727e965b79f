"""Where a screenshot's pixels lie in what a system's pointer counts in.

A Mac counts in points, a picture of it has two or three pixels to each; a
monitor left of or above the first one has negative coordinates. One straight line turns one into
the other and back.
"""

from dataclasses import dataclass

from env.actions import Point
from env.errors import ActionRefused
from env.screen import ScreenSize


@dataclass(frozen=True, slots=True)
class ScreenLayout:
    left: int
    """Of the screen's top-left corner, as the pointer counts; may be negative."""
    top: int
    width: int
    """As the pointer counts."""
    height: int
    picture: ScreenSize
    """Pixels of a screenshot of it."""

    def __post_init__(self) -> None:
        if min(self.width, self.height, *self.picture) < 1:
            raise ValueError(f"a screen of {self.width}x{self.height} in {self.picture}")

    def to_pointer(self, pixel: Point) -> Point:
        """
        Raises:
            ActionRefused: the pixel is not in the picture.
        """
        _refuse_outside(pixel, self.picture)
        return Point(
            self.left + (pixel.x * self.width) // self.picture.width,
            self.top + (pixel.y * self.height) // self.picture.height,
        )

    def to_picture(self, place: Point) -> Point:
        """The middle one of the pixels that the pointer's unit covers.

        Raises:
            ActionRefused: the place is not on the screen.
        """
        inside = Point(place.x - self.left, place.y - self.top)
        _refuse_outside(inside, ScreenSize(self.width, self.height))
        return Point(
            ((2 * inside.x + 1) * self.picture.width) // (2 * self.width),
            ((2 * inside.y + 1) * self.picture.height) // (2 * self.height),
        )


def _refuse_outside(point: Point, size: ScreenSize) -> None:
    if not (0 <= point.x < size.width and 0 <= point.y < size.height):
        raise ActionRefused(
            f"point ({point.x}, {point.y}) is off the screen; expected 0 to {size.width - 1}"
            f" across and 0 to {size.height - 1} down"
        )
