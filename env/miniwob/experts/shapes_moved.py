"""Shapes dragged in a drawing, and lines drawn in one."""

import re
from typing import Any, NamedTuple

from env.actions import Point
from env.miniwob.experts.gestures import drag, press_button, submit
from env.miniwob.experts.registry import ExpertLost, Move, expert
from env.miniwob.experts.sight import find, find_all
from env.miniwob.page import MiniWobPage
from env.screen import Box

FAR_PX = 28
"""How far a shape is dragged to have moved in a direction."""

MOVED_PX = 4.0
"""From here on a shape counts as moved; the page takes any part of a pixel."""

_DIRECTIONS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}

# While dragged a shape hangs at the pointer by a point of its own box, wherever it was
# taken: this share of its width from its top left corner (miniwob's shapes.drag).
_HANDLE = {"rect": 0.5, "circle": 0.6, "polygon": 0.4}

_SHAPES = """
() => {
  const svg = document.querySelector('#area svg').getBoundingClientRect();
  return [...document.querySelectorAll('#area svg *')].filter(e => e.id !== 'shape-container')
    .map(e => {
      const home = e.getBBox(), now = shapes.gridCoords(e);
      return {kind: e.tagName, color: e.getAttribute('fill'), width: home.width,
        home: [home.x, home.y], now: [now.x, now.y], svg: [svg.left, svg.top]};
    });
}
"""


class Shape(NamedTuple):
    kind: str
    """"rect", "circle" or "polygon" (a triangle)."""
    color: str
    width: float
    home: tuple[float, float]
    """Top left corner at the start, in pixels of the drawing; `now`: at this moment."""
    now: tuple[float, float]
    svg: tuple[float, float]
    """The drawing's own corner on the page."""

    @property
    def box(self) -> Box:
        left, top = self.svg[0] + self.now[0], self.svg[1] + self.now[1]
        return Box(round(left), round(top), round(left + self.width), round(top + self.width))

    def dropped_at(self, x: float, y: float) -> Point:
        """Where to let go so that its corner comes to lie at (x, y) of the drawing."""
        shift = _HANDLE[self.kind] * self.width
        return Point(round(self.svg[0] + x + shift), round(self.svg[1] + y + shift))


def _shapes(page: MiniWobPage) -> list[Shape]:
    seen: list[dict[str, Any]] = page.evaluate(_SHAPES)
    return [
        Shape(
            kind=shape["kind"],
            color=shape["color"],
            width=shape["width"],
            home=(shape["home"][0], shape["home"][1]),
            now=(shape["now"][0], shape["now"][1]),
            svg=(shape["svg"][0], shape["svg"][1]),
        )
        for shape in seen
    ]


@expert("drag-circle", "drag-single-shape")
def drag_one_way(page: MiniWobPage) -> Move:
    asked = re.search(r"Drag the (circle|item) (\w+) then", page.instruction)
    if asked is None:
        raise ExpertLost(f"no direction in {page.instruction!r}")
    name, direction = asked.groups()
    across, down = _DIRECTIONS[direction]
    (shape,) = _shapes(page)
    moved = (shape.now[0] - shape.home[0]) * across + (shape.now[1] - shape.home[1]) * down
    if moved > MOVED_PX:
        return submit(page)
    end = shape.dropped_at(shape.home[0] + FAR_PX * across, shape.home[1] + FAR_PX * down)
    return drag(
        Point(*shape.box.center), end, shape.box, f"the {name}", direction, f"It goes {direction}."
    )


class Corner(NamedTuple):
    x: float
    y: float


# Corners of the two boxes in the drawing (LEFT_BOX_X ... in the page) and the six places
# in each where a shape of 17 pixels lies clear of the others.
_BOXES = {"left": Corner(2, 5), "right": Corner(84, 5)}
_BOX_SIZE = (70, 50)
_PLACES = tuple((4 + 22 * column, 4 + 22 * row) for row in range(2) for column in range(3))
_TAKEN_PX = 12.0

_KINDS = {"rectangles": "rect", "circles": "circle", "triangles": "polygon"}
_NAMES = {"rect": "rectangle", "circle": "circle", "polygon": "triangle"}


@expert("drag-shapes-2")
def sort_shapes(page: MiniWobPage) -> Move:
    """In the order they were drawn, each to the first free place of its box."""
    asked = re.search(r"Drag all (\w+)( shapes)? into the left box", page.instruction)
    if asked is None:
        raise ExpertLost(f"no kind of shapes in {page.instruction!r}")
    wanted = asked[1]
    shapes = _shapes(page)
    for shape in shapes:
        is_left = shape.color == wanted if asked[2] else shape.kind == _KINDS[wanted]
        side = "left" if is_left else "right"
        if _is_in(shape, _BOXES[side]):
            continue
        x, y = _free_place(shapes, _BOXES[side])
        name = f"the {shape.color} {_NAMES[shape.kind]}"
        return drag(
            Point(*shape.box.center),
            shape.dropped_at(x, y),
            shape.box,
            name,
            f"to the {side} box",
            f"It belongs in the {side} box.",
        )
    return submit(page)


def _is_in(shape: Shape, box: Corner) -> bool:
    """As the page counts: its top left corner is inside."""
    x, y = shape.now
    return box.x < x < box.x + _BOX_SIZE[0] and box.y < y < box.y + _BOX_SIZE[1]


def _free_place(shapes: list[Shape], box: Corner) -> tuple[float, float]:
    for x, y in _PLACES:
        place = (box.x + x, box.y + y)
        if all(
            abs(shape.now[0] - place[0]) > _TAKEN_PX or abs(shape.now[1] - place[1]) > _TAKEN_PX
            for shape in shapes
        ):
            return place
    raise ExpertLost(f"the box at {tuple(box)} is full")


HALF_LINE_PX = 30


@expert("draw-line")
def draw_line(page: MiniWobPage) -> Move:
    across = "horizontal" in page.instruction
    dot = find(page, "#circ").box
    x, y = dot.center
    paths = find_all(page, "#area svg path")
    if paths and _runs_through(paths[0].box, x, y, across=across):
        return press_button(page, "#controls button", "The line is drawn; submit.")
    if across:
        start, end = Point(x - HALF_LINE_PX + 6, y), Point(x + HALF_LINE_PX - 6, y)
    else:
        start, end = Point(x, y - HALF_LINE_PX + 6), Point(x, y + HALF_LINE_PX - 6)
    kind = "horizontal" if across else "vertical"
    return drag(start, end, dot, "across the dot", f"in a {kind} line", f"A {kind} line is asked.")


def _runs_through(line: Box, x: int, y: int, *, across: bool) -> bool:
    """A straight line of some length whose box holds the dot; its stroke is 5 pixels wide."""
    long, thick = line.right - line.left, line.bottom - line.top
    if not across:
        long, thick = thick, long
    holds = line.left - 4 <= x <= line.right + 4 and line.top - 4 <= y <= line.bottom + 4
    return long >= HALF_LINE_PX and thick <= 8 and holds
