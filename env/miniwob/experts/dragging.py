"""Things to be dragged: boxes, list rows, grid cells, shapes, the corner of a text area."""

import re

from env.actions import Point
from env.miniwob.experts.clicking import groups, quoted
from env.miniwob.experts.gestures import drag, submit
from env.miniwob.experts.registry import ExpertLost, Move, expert
from env.miniwob.experts.sight import Element, find, find_all
from env.miniwob.page import MiniWobPage

OVERSHOOT = 4
"""A row or cell changes places when the dragged one covers more than half of it: a few pixels
past its middle, on the side where one is going."""

GRID = {
    "top left": 0,
    "top center": 1,
    "top right": 2,
    "center left": 3,
    "center": 4,
    "center right": 5,
    "bottom left": 6,
    "bottom center": 7,
    "bottom right": 8,
}
STEPS = {"up": -3, "down": 3, "left": -1, "right": 1}
TAGS = {"rectangles": "rect", "circles": "circle", "triangles": "polygon"}

RESIZED = """
() => {
  const area = $('#tt'), before = area.resizable('instance').originalSize;
  return [area.width(), area.height(), before ? before.width : null, before ? before.height : null];
}
"""
RESIZE_BY = 20


@expert("drag-box")
def drag_box(page: MiniWobPage) -> Move:
    small, large = find(page, "#draggableSmall"), find(page, "#draggableLarge")
    inside = all(
        large.box[side] < small.box[side] and small.box[side + 2] < large.box[side + 2]
        for side in (0, 1)
    )
    if inside:
        return submit(page)
    end = Point(*large.box.center)
    return drag_to(small, end, "the small box", "into the large box", "It is not inside yet.")


@expert("drag-items")
def drag_items(page: MiniWobPage) -> Move:
    name, goal = groups(page, r"Drag (\S+) (.*)\.")
    rows = find_all(page, "#sortable li")
    index = index_of(rows, name)
    place = re.search(r"(\d)\w\w position", goal)
    if place:
        wanted = int(place.group(1)) - 1
    else:
        wanted = {"to the top": 0, "to the bottom": len(rows) - 1}.get(
            goal, index + (1 if goal.startswith("down") else -1)
        )
    return drag_row(rows, index, wanted, f"{name} {goal.removesuffix(' by one position')}")


@expert("drag-sort-numbers")
def drag_sort_numbers(page: MiniWobPage) -> Move:
    """The smallest number that is not in its place goes there, from the top down."""
    rows = find_all(page, "#sortable li")
    numbers = [int(row.text) for row in rows]
    for wanted, number in enumerate(sorted(numbers)):
        if numbers[wanted] != number:
            return drag_row(rows, numbers.index(number, wanted), wanted, str(number))
    return submit(page)


def drag_row(rows: tuple[Element, ...], index: int, wanted: int, name: str) -> Move:
    x, y = rows[wanted].box.center
    end = Point(x, y + (OVERSHOOT if wanted > index else -OVERSHOOT))
    where = f"to place {wanted + 1}"
    return drag_to(rows[index], end, name.split()[0], where, f"It is at place {index + 1}.")


@expert("drag-items-grid")
def drag_items_grid(page: MiniWobPage) -> Move:
    name, goal = groups(page, r"Drag (\S+) (.*)\.")
    cells = find_all(page, "#sortable li")
    index = index_of(cells, name)
    position = goal.removeprefix("to the ")
    wanted = GRID[position] if position in GRID else index + STEPS[goal.split()[0]]
    x, y = cells[wanted].box.center
    dx, dy = past_the_middle(index, wanted)
    return drag_to(cells[index], Point(x + dx, y + dy), name, goal, "It must move.")


def past_the_middle(index: int, wanted: int) -> tuple[int, int]:
    """How far from the middle of the wanted cell to let go, px: measured for all 72 pairs.

    The cells between give way while the dragged one passes over them, so the end must be well
    on the side of the wanted cell that the list grows from.
    """
    if wanted > index and wanted % 3 >= index % 3:
        return 8, 8
    if (index, wanted) in ((6, 1), (7, 2)):
        return -20, -17
    return -12, -12


def index_of(items: tuple[Element, ...], name: str) -> int:
    for index, item in enumerate(items):
        if item.text == name:
            return index
    raise ExpertLost(f"nothing is named {name!r}")


@expert("drag-shapes")
def drag_shapes(page: MiniWobPage) -> Move:
    """A shape is inside when its upper left corner is; a wrong one comes out first."""
    wanted = TAGS[quoted(page, r"all (\w+) into")]
    container = find(page, "#shape-container")
    left, top, right, bottom = container.box
    for tag in TAGS.values():
        for shape in find_all(page, f"#area_svg {tag}:not(#shape-container)"):
            inside = left < shape.box.left < right and top < shape.box.top < bottom
            if inside and tag != wanted:
                below = Point(left + 10, bottom + 22 if bottom < 170 else top - 22)
                return drag_to(
                    shape, below, "the shape", "out of the box", "It is not wanted here."
                )
    kind = quoted(page, r"all (\w+)s into")
    for shape in find_all(page, f"#area_svg {wanted}:not(#shape-container)"):
        if not (left < shape.box.left < right and top < shape.box.top < bottom):
            center = Point(*container.box.center)
            return drag_to(shape, center, f"the {kind}", "into the box", "It is outside the box.")
    return submit(page)


@expert("resize-textarea")
def resize_textarea(page: MiniWobPage) -> Move:
    """By the corner handle, along the one side that matters; compared with the last size."""
    dimension, direction = re.findall(r"the (width|height) is (smaller|larger)", page.instruction)[
        0
    ]
    width, height, width_before, height_before = page.evaluate(RESIZED)
    now, before = (width, width_before) if dimension == "width" else (height, height_before)
    sign = 1 if direction == "larger" else -1
    if before is not None and sign * (now - before) > 0:
        return submit(page, "#submit")
    handle = find(page, ".ui-resizable-se")
    if handle.at is None:
        raise ExpertLost(f"the handle at {handle.box} cannot be hit")
    x, y = handle.at
    by = sign * RESIZE_BY
    end = Point(x + by, y) if dimension == "width" else Point(x, y + by)
    where = {
        ("width", 1): "to the right",
        ("width", -1): "to the left",
        ("height", 1): "down",
        ("height", -1): "up",
    }[dimension, sign]
    return drag_to(handle, end, "the corner handle", where, f"The {dimension} must be {direction}.")


def drag_to(element: Element, end: Point, name: str, where: str, thought: str) -> Move:
    """Drag an element by the point that hits it.

    Raises:
        ExpertLost: it is covered.
    """
    if element.at is None:
        raise ExpertLost(f"{name} at {element.box} cannot be hit")
    return drag(element.at, end, element.box, name, where, thought)
