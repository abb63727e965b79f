"""A picture in a terminal: blocks everywhere, sixel or kitty graphics where there are.

A cell of blocks shows four pixels in two colours, the two that come nearest; neighbours that
are alike are sent as one piece, so it is little over a slow line, and it looks the same everywhere.
"""

import time
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Literal

import numpy
from PIL import Image, ImageDraw
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.app import ComposeResult
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

Graphics = Literal["blocks", "sixel", "kitty"]

_QUARTERS = " ▘▝▀▖▌▞▛"
"""What is drawn in the first colour: upper left 1, upper right 2, lower left 4. The lower right
never is; where it were, the two colours change places."""
_MASKS = numpy.array([[(n >> bit) & 1 for bit in range(4)] for n in range(8)], dtype=numpy.float32)
_SHADES = 0xF8
"""Of each colour the upper five bits: neighbours that look alike become alike."""
RING = (255, 64, 64)
_RING_EDGE = (255, 255, 255)

Points = Sequence[tuple[int, int]]


def fitted(picture: tuple[int, int], room: tuple[int, int]) -> tuple[int, int]:
    """The largest size of the picture's shape that fits, at least one pixel each way."""
    scale = min(room[0] / picture[0], room[1] / picture[1])
    return max(1, round(picture[0] * scale)), max(1, round(picture[1] * scale))


def ringed(image: Image.Image, points: Points, radius: tuple[float, float]) -> Image.Image:
    """A copy with a ring round each point, and a line from each to the next.

    Args:
        radius: across and down, which differ where a pixel is not as high as wide.
    """
    image = image.copy()
    pen = ImageDraw.Draw(image)
    width = max(1, round(radius[1] / 4))
    for (x, y), (next_x, next_y) in pairwise(points):
        pen.line((x, y, next_x, next_y), fill=RING, width=width)
    for x, y in points:
        for grown, colour in ((width, _RING_EDGE), (0, RING)):
            across, down = radius[0] + grown, radius[1] + grown
            box = (x - across, y - down, x + across, y + down)
            pen.ellipse(box, outline=colour, width=width)
    return image


def scaled(points: Points, before: tuple[int, int], after: tuple[int, int]) -> Points:
    return [(round(x * after[0] / before[0]), round(y * after[1] / before[1])) for x, y in points]


def blocks(image: Image.Image, points: Points, cells: tuple[int, int]) -> list[Strip]:
    """The picture as rows of cells, as large as fits.

    Args:
        points: on the picture, each to be ringed.
        cells: the room, across and down; a cell is twice as high as wide.
    """
    across, down = fitted(image.size, (cells[0], cells[1] * 2))
    down = (down + 1) // 2
    size = (across * 2, down * 2)
    small = image.resize(size, Image.Resampling.BOX, reducing_gap=2.0)
    if points:
        small = ringed(small, scaled(points, image.size, size), radius=(5.0, 2.5))
    quarters = numpy.asarray(small).reshape(down, 2, across, 2, 3).transpose(0, 2, 1, 3, 4)
    masks, colours = _two_colours(quarters.reshape(down * across, 4, 3))
    rows = zip(masks.reshape(down, across), colours.reshape(down, across, 6), strict=True)
    return [_row(*row) for row in rows]


def _two_colours(pixels: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Of each cell's four pixels: which quarters are drawn, and in which colour on which.

    Args:
        pixels: [cells, 4, 3].

    Returns:
        [cells] of indices into `_QUARTERS`, and [cells, 6] of colours: drawn, then behind.
    """
    values = pixels.astype(numpy.float32)
    drawn, behind = _MASKS, 1.0 - _MASKS
    fore, back = numpy.matmul(drawn, values), numpy.matmul(behind, values)
    num_drawn = numpy.maximum(drawn.sum(axis=1), 1.0)
    num_behind = behind.sum(axis=1)
    # What is lost by a mask is least where the colours' squares, weighted, are most.
    kept = (fore**2).sum(axis=2) / num_drawn + (back**2).sum(axis=2) / num_behind
    # A hair in favour of one colour, so that flat areas do not flicker between masks.
    kept[:, 0] += 1.0
    best = kept.argmax(axis=1)
    cells = numpy.arange(len(best))
    chosen = (fore[cells, best] / num_drawn[best, None], back[cells, best] / num_behind[best, None])
    colours = numpy.concatenate(chosen, axis=1).astype(numpy.uint8) & _SHADES
    colours[best == 0, :3] = 0
    return best, colours


def _row(masks: numpy.ndarray, colours: numpy.ndarray) -> Strip:
    changes = numpy.flatnonzero((colours[1:] != colours[:-1]).any(axis=1)) + 1
    starts = [0, *changes.tolist()]
    text = "".join(map(_QUARTERS.__getitem__, masks.tolist()))
    segments = [
        Segment(text[start:end], _style(tuple(pair)))
        for start, end, pair in zip(
            starts, [*starts[1:], len(text)], colours[starts].tolist(), strict=True
        )
    ]
    return Strip(segments, len(text))


@lru_cache(maxsize=50_000)
def _style(colours: tuple[int, ...]) -> Style:
    drawn, behind = colours[:3], colours[3:]
    return Style(color=Color.from_rgb(*drawn), bgcolor=Color.from_rgb(*behind))


class BlockPicture(Widget):
    """In the middle of its room."""

    DEFAULT_CSS = "BlockPicture { width: 1fr; height: 1fr; }"

    def __init__(self) -> None:
        super().__init__()
        self._image: Image.Image | None = None
        self._points: Points = ()
        self._strips: list[Strip] = []
        self._drawn_for: Size | None = None
        self.drawn_at = 0.0
        """When the newest picture came onto the screen."""

    def show(self, image: Image.Image | None, points: Points) -> None:
        self._image, self._points = image, points
        before = self._strips
        if self._drawn_for != self.size:
            self.refresh()
            return
        self._make()
        if len(before) != len(self._strips):
            self.refresh()
            return
        # From one step to the next most of a screen stays as it was.
        top, across = self._top, self.size.width
        changed = [
            Region(0, top + row, across, 1)
            for row, (old, new) in enumerate(zip(before, self._strips, strict=True))
            if old != new
        ]
        if changed:
            self.refresh(*changed)
        else:
            self.drawn_at = time.time()

    def _make(self) -> None:
        self._drawn_for = self.size
        self._strips = (
            blocks(self._image, self._points, self.size)
            if self._image is not None and self.size.area
            else []
        )

    @property
    def _top(self) -> int:
        return (self.size.height - len(self._strips)) // 2

    def render_line(self, y: int) -> Strip:
        if self._drawn_for != self.size:
            self._make()
        self.drawn_at = time.time()
        top = self._top
        blank = Strip.blank(self.size.width, self.rich_style)
        if not top <= y < top + len(self._strips):
            return blank
        strip = self._strips[y - top]
        left = (self.size.width - strip.cell_length) // 2
        right = self.size.width - strip.cell_length - left
        edges = (Strip.blank(left, self.rich_style), Strip.blank(right, self.rich_style))
        return Strip.join([edges[0], strip, edges[1]])


class Picture(Widget):
    """Shows one picture, with rings where something was clicked."""

    DEFAULT_CSS = """
    Picture { width: 1fr; height: 1fr; align: center middle; }
    Picture > Image { width: auto; height: 100%; }
    """

    def __init__(self, graphics: Graphics = "blocks", *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._graphics = graphics
        self._shown: tuple[Image.Image | None, Points] = (None, ())

    def compose(self) -> ComposeResult:
        match self._graphics:
            case "blocks":
                yield BlockPicture()
            case "sixel":
                from ui.sixel import SixelPicture

                yield SixelPicture()
            case "kitty":
                from textual_image.widget import TGPImage

                yield TGPImage()

    def on_mount(self) -> None:
        self._draw()

    def show(self, image: Image.Image | None, points: Points = ()) -> None:
        """
        Args:
            image: mode RGB; None: nothing.
            points: on the image.
        """
        self._shown = (image, points)
        if self.is_mounted:
            self._draw()

    def _draw(self) -> None:
        image, points = self._shown
        if self._graphics == "blocks":
            self.query_one(BlockPicture).show(image, points)
            return
        from textual_image.widget import TGPImage

        from ui.sixel import SixelPicture

        widget = self.query_one(SixelPicture if self._graphics == "sixel" else TGPImage)
        if image is not None and points:
            radius = max(6.0, max(image.size) / 80)
            image = ringed(image, points, (radius, radius))
        widget.image = image
