"""A second look just before a click: is there still what the model saw?

Between the look and the act lie the seconds that the model thinks. A dialog
that opens meanwhile gets the click that was meant for what it covers.
"""

from PIL import Image, ImageChops

from env.actions import Action, Click, Drag, Point
from env.desktop import Desktop
from env.screen import Box, ScreenSize

REACH_PX = 24
"""To each side of the target: a button's text and some of what is beside it."""
FAINT = 24
"""Of 255: less difference in a channel is a shadow or a shade that fades in."""
CARET_PX = 3
"""A difference no wider is a text cursor that blinks."""
SHARE = 0.02
"""Of the patch: less is a digit of a clock beside it."""


def changed_target(action: Action, seen: Image.Image, desktop: Desktop) -> Point | None:
    """The point the action presses at, if it looks otherwise now; None: it does not, or the
    action presses nowhere.

    Args:
        seen: what the model saw, in pixels of the screen.

    Raises:
        DesktopLost.
    """
    match action:
        case Click(at=at) | Drag(start=at):
            pass
        case _:
            return None
    if desktop.size != ScreenSize(*seen.size):
        return at
    box = patch_around(at, desktop.size)
    return at if differs(seen.crop(box), desktop.screenshot_of(box).image) else None


def patch_around(at: Point, size: ScreenSize) -> Box:
    """What lies on the screen of the square around a point of it."""
    return Box(
        max(0, at.x - REACH_PX),
        max(0, at.y - REACH_PX),
        min(size.width, at.x + REACH_PX),
        min(size.height, at.y + REACH_PX),
    )


def differs(before: Image.Image, after: Image.Image) -> bool:
    """Whether two pictures of a patch, both RGB and of one size, show different things."""
    red, green, blue = ImageChops.difference(before, after).split()
    strongest = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    plain = strongest.point(lambda level: 255 if level > FAINT else 0)
    bounds = plain.getbbox()
    if bounds is None or bounds[2] - bounds[0] <= CARET_PX:
        return False
    return plain.histogram()[255] > SHARE * plain.width * plain.height
