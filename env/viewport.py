"""A rectangle of a desktop as a desktop of its own.

For a model that works one window: it sees that window alone, and a point
outside it is refused like a point off the screen.
"""

from dataclasses import replace

from env.actions import Action, Click, Drag, Keys, Move, Point, Scroll, TypeText, Wait
from env.desktop import Desktop, Steering, refuse_points_outside
from env.screen import Box, Screenshot, ScreenSize


class Viewport(Desktop):
    """Points are counted from the rectangle's top-left pixel. Keys go wherever the focus is.

    Borrows the desktop: closing the viewport closes nothing.
    """

    def __init__(self, desktop: Desktop, box: Box) -> None:
        """
        Raises:
            ValueError: the box is empty or not all of it lies on the desktop.
        """
        width, height = desktop.size
        if not (0 <= box.left < box.right <= width and 0 <= box.top < box.bottom <= height):
            raise ValueError(f"{box} does not lie on a desktop of {width}x{height}")
        self._desktop = desktop
        self._box = box

    @property
    def size(self) -> ScreenSize:
        box = self._box
        return ScreenSize(box.right - box.left, box.bottom - box.top)

    @property
    def reaction_seconds(self) -> float:
        return self._desktop.reaction_seconds

    @property
    def box(self) -> Box:
        """Where the viewport lies, in pixels of the desktop behind it."""
        return self._box

    def screenshot(self) -> Screenshot:
        return self._desktop.screenshot_of(self._box)

    def perform(self, action: Action) -> None:
        refuse_points_outside(action, self.size)
        self._desktop.perform(self._moved(action))

    def heed(self, steering: Steering) -> None:
        self._desktop.heed(steering)

    def close(self) -> None:
        """Does nothing: the desktop belongs to whoever opened it."""

    def _moved(self, action: Action) -> Action:
        """The same action in pixels of the desktop behind."""
        match action:
            case Click(at=at) | Scroll(at=at):
                return replace(action, at=self._shift(at))
            case Move(to=to):
                return Move(self._shift(to))
            case Drag(start=start, end=end):
                return replace(action, start=self._shift(start), end=self._shift(end))
            case TypeText() | Keys() | Wait():
                return action

    def _shift(self, point: Point) -> Point:
        return Point(point.x + self._box.left, point.y + self._box.top)
