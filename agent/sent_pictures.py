"""The pictures that the watchers of a session are sent, each made and sent once.

A glimpse is encoded while the screen settles and the processor has nothing else to do. The same
picture is then what the policy sees, and while its network computes nobody should work on it.
"""

import time

from agent.announce import jpeg_of
from agent.events import Observed
from agent.reports import Glimpse, Saw
from env.screen import Screenshot


class SentPictures:
    """Told of every picture in order, in one thread."""

    def __init__(self) -> None:
        self._last: Screenshot | None = None

    def glimpse(self, screenshot: Screenshot) -> Glimpse | None:
        """None: the last picture that was sent shows the same."""
        if self._is_sent(screenshot):
            return None
        return Glimpse(at=time.time(), jpeg=jpeg_of(screenshot.image))

    def saw(self, event: Observed) -> Saw:
        sent_before = self._is_sent(event.screenshot)
        return Saw(
            step=event.step,
            at=time.time(),
            seconds=event.seconds,
            capture_seconds=event.capture_seconds,
            image=event.image,
            jpeg=b"" if sent_before else jpeg_of(event.screenshot.image),
            sent_before=sent_before,
        )

    def _is_sent(self, screenshot: Screenshot) -> bool:
        """If not, it is going to be."""
        last, self._last = self._last, screenshot
        return last is not None and screenshot.same_pixels(last)
