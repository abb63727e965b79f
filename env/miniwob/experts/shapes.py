"""Shapes, letters and digits in a picture: find, count, name."""

from dataclasses import dataclass

from env.miniwob.experts.clicking import FOUND, quoted
from env.miniwob.experts.gestures import click, press_button
from env.miniwob.experts.registry import ExpertLost, Move, expert
from env.miniwob.experts.sight import Element, find, find_all
from env.miniwob.page import MiniWobPage

NAMES = {"circle": "circle", "rect": "rectangle", "polygon": "triangle"}
SIZES = {20: "large", 10: "small"}
"""Pixels across, or of the font."""

PICTURE = "#area_svg text, #area_svg rect, #area_svg circle, #area_svg polygon"

# The outline's radius as a function of the angle repeats once a side: its strongest
# frequency among 3 to 7 is the number of sides.
COUNT_SIDES = """
() => {
  const canvas = document.getElementById('c'), pen = canvas.getContext('2d');
  const alpha = pen.getImageData(0, 0, canvas.width, canvas.height).data;
  const radius = [];
  for (let n = 0; n < 360; n++) {
    const a = n * Math.PI / 180;
    let far = 0;
    for (let r = 10; r < 45; r += 0.25) {
      const x = Math.round(75 + r * Math.cos(a)), y = Math.round(50 + r * Math.sin(a));
      if (alpha[(y * canvas.width + x) * 4 + 3] > 127) far = r;
    }
    radius.push(far);
  }
  let best = 0, most = -1;
  for (let sides = 3; sides <= 7; sides++) {
    let real = 0, imaginary = 0;
    radius.forEach((r, n) => {
      real += r * Math.cos(sides * n * Math.PI / 180);
      imaginary += r * Math.sin(sides * n * Math.PI / 180);
    });
    const strength = Math.hypot(real, imaginary);
    if (strength > most) { most = strength; best = sides; }
  }
  return best;
}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    element: Element
    size: str
    color: str
    kind: str
    """letter, digit or shape."""
    name: str
    """The letter or digit itself, or circle, rectangle, triangle."""

    def fits(self, description: str) -> bool:
        """`description` is "small red letter" with any of the first two left out."""
        *adjectives, noun = description.split()
        return noun in ("item", self.kind, self.name) and all(
            word in (self.size, self.color) for word in adjectives
        )


@expert("click-shape")
def click_shape(page: MiniWobPage) -> Move:
    """The first that fits in reading order, so that equal pictures have equal answers."""
    description = quoted(page, r"Click on a (.*)")
    fitting = [shape for shape in shapes_of(page) if shape.fits(description)]
    if not fitting:
        raise ExpertLost(f"no {description} in the picture")
    first = min(fitting, key=lambda shape: reading_order(shape.element))
    return click(first.element, f"the {description}", FOUND)


@expert("count-shape")
def count_shape(page: MiniWobPage) -> Move:
    description = quoted(page, r"How many (.*)s are there")
    number = sum(shape.fits(description) for shape in shapes_of(page))
    return press_button(page, "#count-buttons button", f"I count {number}.", text=str(number))


@expert("count-sides")
def count_sides(page: MiniWobPage) -> Move:
    number = page.evaluate(COUNT_SIDES)
    return press_button(page, "#form button", f"It has {number} sides.", text=str(number))


@expert("identify-shape")
def identify_shape(page: MiniWobPage) -> Move:
    (shape,) = shapes_of(page)
    what = shape.name if shape.kind == "shape" else shape.kind
    button = find(page, f'#area-buttons [data-type="{what}"]')
    return click(button, f'the "{button.text}" button', f"It is a {what}.")


@expert("grid-coordinate")
def grid_coordinate(page: MiniWobPage) -> Move:
    wanted = quoted(page, r"coordinate (\(.*\))")
    return click(find(page, f'[id="{wanted}"]'), f"the point {wanted}", FOUND)


def shapes_of(page: MiniWobPage) -> list[Shape]:
    tags = page.evaluate("css => [...document.querySelectorAll(css)].map(e => e.tagName)", PICTURE)
    return [
        describe(tag, element) for tag, element in zip(tags, find_all(page, PICTURE), strict=True)
    ]


def describe(tag: str, element: Element) -> Shape:
    if tag == "text":
        across = float(element.attributes["font-size"].removesuffix("px"))
        kind, name = ("digit" if element.text.isdigit() else "letter"), element.text
    else:
        across = element.box.right - element.box.left
        kind, name = "shape", NAMES[tag]
    return Shape(
        element=element,
        size=SIZES[min(SIZES, key=lambda size: abs(size - across))],
        color=element.attributes["fill"],
        kind=kind,
        name=name,
    )


def reading_order(element: Element) -> tuple[int, int]:
    """Rows of the picture's 20-pixel grid, each from the left."""
    x, y = element.box.center
    return (y - 52) // 20, x
