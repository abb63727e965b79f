"""Long texts in small areas: scroll them, find their last word, sign below them."""

import re
from typing import NamedTuple

from env.actions import Point
from env.miniwob.experts.gestures import fill, press_button, scroll, submit
from env.miniwob.experts.registry import ExpertLost, Move, expert
from env.miniwob.experts.sight import find
from env.miniwob.page import MiniWobPage

NOTCHES = 10
"""To an end of a text: some hundred rows of pixels each time."""

NEAR_PX = 5.0
"""Closer to an end than this counts as there; the pages allow 10."""


class Room(NamedTuple):
    above: float
    """Pixels of the text above what is shown."""
    below: float


@expert("scroll-text")
def last_word(page: MiniWobPage) -> Move:
    move = _scroll_area(page, down=True)
    if move is not None:
        return move
    word = re.sub(r"[^A-Za-z0-9]", "", find(page, "#text-area").text.split()[-1])
    move = fill(find(page, "#answer-input"), word, "the text field", f"The last word is {word}.")
    return move or submit(page)


@expert("scroll-text-2")
def scroll_to_an_end(page: MiniWobPage) -> Move:
    return _scroll_area(page, down="to the bottom" in page.instruction) or submit(page)


@expert("sign-agreement")
def sign(page: MiniWobPage) -> Move:
    if page.instruction.startswith("Click the cancel"):
        return press_button(page, "#cancel", "This is the button.")
    asked = re.search(r'name "(.*)" then press "(.*)"', page.instruction)
    if asked is None:
        raise ExpertLost(f"no name and button in {page.instruction!r}")
    name, button = asked.groups()
    field = find(page, "#name")
    if field.disabled:
        return _scroll_area(page, down=True) or _lost(page)
    move = fill(field, name, "the name field")
    return move or press_button(page, f"#{button.lower()}", "All is done.")


def _scroll_area(page: MiniWobPage, *, down: bool) -> Move | None:
    """Towards an end of the text area; None once it is there."""
    above, below = page.evaluate(
        "() => { const t = document.querySelector('#text-area');"
        " return [t.scrollTop, t.scrollHeight - t.clientHeight - t.scrollTop]; }"
    )
    room = Room(above, below)
    if (room.below if down else room.above) < NEAR_PX:
        return None
    area = find(page, "#text-area")
    where = "below" if down else "above"
    return scroll(
        Point(*area.box.center), area.box, -NOTCHES if down else NOTCHES, f"There is text {where}."
    )


def _lost(page: MiniWobPage) -> Move:
    raise ExpertLost("the text is at its end and the name field is still locked")
