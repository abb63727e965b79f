"""A log performed once more on a desktop, and where the screen is another than it was.

Nothing is asked and nothing judged: each step waits for the screen to settle,
compares it with the screenshot of the log, and does what was done then.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image, ImageChops

from agent.control import Control
from env.desktop import Desktop, wait_until_settled
from env.errors import ActionCut, ActionRefused
from env.screen import Box
from trajectories import action_json
from trajectories.reading import Episode


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    step: int
    """Counted from 1."""
    share: float
    """Of the pixels that are another than in the log."""
    where: Box | None
    """What holds them all; None: there are none."""
    refused: str = ""
    """Why an action could not be done again."""

    def in_words(self) -> str:
        if self.where is None:
            told = f"step {self.step}: the screen is the same"
        else:
            told = (
                f"step {self.step}: {self.share:.2%} of the screen differ, within"
                f" {self.where.left}, {self.where.top} to {self.where.right}, {self.where.bottom}"
            )
        return f"{told}; {self.refused}" if self.refused else told


def perform_again(
    episode: Episode,
    desktop: Desktop,
    *,
    ceiling_seconds: float = 1.0,
    control: Control | None = None,
) -> Iterator[Compared]:
    """Gives the comparison of each step, after its actions were done.

    Raises:
        ValueError: the desktop's screen has another size than the log's.
        DesktopLost: it died.
        BlobMissing: a screenshot of the log is gone.
    """
    size = (episode.start.width, episode.start.height)
    if tuple(desktop.size) != size:
        raise ValueError(
            f"the log is of a screen of {size[0]}x{size[1]}, this desktop has"
            f" {desktop.size.width}x{desktop.size.height}; its points would lie elsewhere"
        )
    for step in episode.steps:
        if control is not None and control.stopped is not None:
            return
        seen = wait_until_settled(desktop, ceiling_seconds=ceiling_seconds).screenshot.image
        share, where = difference(seen, step.image())
        refused = ""
        done = 0 if step.outcome is None else step.outcome.performed
        actions = [] if step.intent is None else step.intent.actions[:done]
        for action in actions:
            try:
                desktop.perform(action_json.decode(action))
            except (ActionRefused, ActionCut) as error:
                refused = str(error)
                break
        yield Compared(step=step.number, share=share, where=where, refused=refused)


def difference(one: Image.Image, other: Image.Image) -> tuple[float, Box | None]:
    """The share of pixels that differ, and the box that holds them; both pictures RGB."""
    changed = ImageChops.difference(one, other)
    bounds = changed.getbbox()
    if bounds is None:
        return 0.0, None
    # A pixel counts once, whichever of its channels differs.
    red, green, blue = changed.split()
    strongest = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    same = strongest.histogram()[0]
    return 1.0 - same / (one.width * one.height), Box(*bounds)
