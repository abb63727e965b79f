"""Where the model points, and where that is on the screen.

The model sees a resized screenshot and answers in fractions of it, so the
resize cancels out: 0.5 is the middle of the picture and of the screen alike.
"""

from agent.errors import GroundingError
from agent.proposals import (
    ClickAt,
    DragFrom,
    Finish,
    Fraction,
    MoveTo,
    PressKeys,
    Proposal,
    ScrollAt,
    WaitFor,
    WriteText,
)
from env.actions import Action, Click, Drag, Keys, Move, Point, Scroll, TypeText, Wait
from env.screen import ScreenSize

MIDDLE = Fraction(0.5, 0.5)


def to_pixels(x: float, y: float, size: ScreenSize) -> Point:
    """Turn fractions of the screenshot into a pixel of the screen.

    Rounds to the nearest pixel, as OpenCUA's evaluator does for Kimi-VL models.

    Args:
        x, y: fractions in [0, 1]; 1.0 is the far edge and means the last pixel.
        size: screen the click will land on.

    Raises:
        GroundingError: a fraction lies outside [0, 1]. Clamping would click
            somewhere the model never asked for.
    """
    if not (0.0 <= x <= 1.0 and 0.0 <= y <= 1.0):
        raise GroundingError(
            f"point ({x}, {y}) is outside the screenshot; expected fractions in [0, 1]"
        )
    return Point(
        min(round(x * size.width), size.width - 1), min(round(y * size.height), size.height - 1)
    )


def to_fraction(point: Point, size: ScreenSize) -> Fraction:
    """A pixel of the screen as fractions of the screenshot; `to_pixels` gives the pixel back.

    Raises:
        GroundingError: the pixel is not on the screen.
    """
    x, y = point
    if not (0 <= x < size.width and 0 <= y < size.height):
        raise GroundingError(
            f"point ({x}, {y}) is off the screen; expected 0 to {size.width - 1} across"
            f" and 0 to {size.height - 1} down"
        )
    return Fraction(x / size.width, y / size.height)


def to_screen(proposal: Proposal, size: ScreenSize) -> Action:
    """The action on the screen that a proposal asks for.

    Raises:
        GroundingError: a point outside the picture.
    """
    match proposal:
        case ClickAt(at=at, button=button, count=count, modifiers=modifiers, hold_seconds=hold):
            return Click(to_pixels(*at, size), button, count, modifiers, hold)
        case MoveTo(to=to):
            return Move(to_pixels(*to, size))
        case DragFrom(start=start, end=end, button=button, modifiers=modifiers):
            return Drag(to_pixels(*start, size), to_pixels(*end, size), button, modifiers)
        case ScrollAt(notches=notches, at=at, sideways=sideways, modifiers=modifiers):
            return Scroll(to_pixels(*(at or MIDDLE), size), notches, sideways, modifiers)
        case WriteText(text=text):
            return TypeText(text)
        case PressKeys(keys=keys, presses=presses):
            return Keys(keys, presses)
        case WaitFor(seconds=seconds):
            return Wait(seconds)
        case Finish():
            raise AssertionError("the loop ends on Finish; it never reaches the screen")
