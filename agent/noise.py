"""Small mistakes of the kind a learner makes, for demonstrations that show how to recover.

A misplaced click keeps the expert's words: the learner means the right thing
and misses. Seeded, so a collection can be repeated.
"""

import random
from dataclasses import replace

from env.actions import Action, Click, Drag, Keys, Point, Scroll, TypeText
from env.screen import ScreenSize

MISS_PX = 12.0
"""Standard deviation of a near miss, on a 160 pixel wide page."""
FAR_SHARE = 0.3
"""Of misplaced points, how many land anywhere at all."""


def spoil(action: Action, size: ScreenSize, rng: random.Random) -> Action:
    """The action as somebody might get it wrong. May by chance be right; waiting stays as it is."""
    match action:
        case Click(at=at):
            return replace(action, at=_miss(at, size, rng))
        case Drag(start=start, end=end):
            if rng.random() < 0.5:
                return replace(action, start=_miss(start, size, rng))
            return replace(action, end=_miss(end, size, rng))
        case Scroll(notches=notches):
            return replace(action, notches=-notches)
        case TypeText(text=text):
            return TypeText(_misspell(text, rng))
        case Keys(keys=keys, presses=presses):
            return Keys(keys, max(1, presses + rng.choice((-1, 1, 2))))
        case _:
            return action


def _miss(point: Point, size: ScreenSize, rng: random.Random) -> Point:
    if rng.random() < FAR_SHARE:
        return Point(rng.randrange(size.width), rng.randrange(size.height))
    x = round(rng.gauss(point.x, MISS_PX))
    y = round(rng.gauss(point.y, MISS_PX))
    return Point(min(max(x, 0), size.width - 1), min(max(y, 0), size.height - 1))


def _misspell(text: str, rng: random.Random) -> str:
    """One character lost, doubled or struck for its neighbour."""
    at = rng.randrange(len(text))
    wrong = rng.choice(("", text[at] * 2, rng.choice("abcdefghijklmnopqrstuvwxyz")))
    return text[:at] + wrong + text[at + 1 :] or text * 2
