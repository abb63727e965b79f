"""The contract of every screen: look, act, close.

One suite of tests (`tests/env/test_desktop_contract.py`) runs against every
backend. A desktop is used by the thread that opened it.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from env.actions import Action, points_of
from env.errors import ActionRefused
from env.screen import FEW_PX, Box, Screenshot, ScreenSize

_LOOK_SECONDS = 0.1
"""Between two looks at a screen that is to rest for longer."""


class Steering(Protocol):
    """Who may stop and pause what is done here (`agent.control.Control` is one)."""

    @property
    def stopped(self) -> str | None:
        """Why, or None."""

    @property
    def paused(self) -> str | None: ...
    def stop(self, reason: str) -> None: ...
    def pause(self, reason: str, *, takeover: bool) -> None: ...
    def subscribe(self, changed: Callable[[], None]) -> None: ...
    def unsubscribe(self, changed: Callable[[], None]) -> None: ...


class Desktop(ABC):
    @property
    @abstractmethod
    def size(self) -> ScreenSize:
        """Pixels; what a screenshot measures and where points must lie."""

    @property
    def reaction_seconds(self) -> float:
        """How long an application on it may take to show that it has noticed an action.

        Two equal screenshots nearer together than this do not say that nothing moves.
        Under X11 a click changes Chromium's pixels after 17 to 25 ms on an idle machine.
        """
        return 0.1

    @abstractmethod
    def screenshot(self) -> Screenshot:
        """The screen now, at native resolution.

        Raises:
            DesktopLost: the display or browser died.
        """

    def screenshot_of(self, box: Box) -> Screenshot:
        """A part of the screen now; the box lies on it. Backends that can look at less override."""
        whole = self.screenshot()
        return Screenshot(whole.image.crop(box), whole.taken_at)

    @abstractmethod
    def perform(self, action: Action) -> None:
        """Do it with real input events and return when they have been delivered.

        Does not wait for the application's reaction; see `wait_until_settled`.

        Raises:
            ActionRefused: a point off the screen, an unknown key, a character that cannot
                be typed. Nothing was done.
            ActionCut: a stop, a pause or a person's hands ended it in the middle.
            DesktopLost: the display or browser died.
        """

    def heed(self, steering: Steering) -> None:  # noqa: B027, nothing to do is a choice
        """From now on be stopped and paused by it, in the middle of an action too, and tell it
        of a person who takes over. Takes the place of what was heeded before, and begins anew
        after a stop. Backends whose actions cannot be broken off, and which nobody else works,
        need do nothing: the loop looks before every action.

        Raises:
            DesktopLost: as `perform`.
        """

    @abstractmethod
    def close(self) -> None:
        """Release every key and button, end what was started here. Safe to call twice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def refuse_points_outside(action: Action, size: ScreenSize) -> None:
    """Raise `ActionRefused` if the action touches a pixel the screen does not have.

    Clamping would click where nobody asked for.
    """
    for x, y in points_of(action):
        if not (0 <= x < size.width and 0 <= y < size.height):
            raise ActionRefused(
                f"point ({x}, {y}) is off the screen; expected 0 to {size.width - 1}"
                f" across and 0 to {size.height - 1} down"
            )


@dataclass(frozen=True, slots=True)
class Settled:
    screenshot: Screenshot
    seconds: float
    """How long the wait took."""
    still: bool
    """False: the ceiling was reached and the screen was still changing."""
    capture_seconds: float = 0.0
    """What the last of the screenshots took; part of `seconds`."""


def wait_until_settled(
    desktop: Desktop,
    *,
    still_seconds: float = 0.0,
    ceiling_seconds: float = 1.0,
    interval_seconds: float | None = None,
    threshold_px: int = FEW_PX,
    between: Callable[[], None] = lambda: None,
    seen: Callable[[Screenshot], None] = lambda _: None,
) -> Settled:
    """Look until two screenshots show the same, or the ceiling is reached.

    Args:
        still_seconds: for so long nothing may have changed; 0: between two looks.
        interval_seconds: between two of them; None: the desktop's `reaction_seconds`, or less
            where a long rest is waited for.
        threshold_px: as much may change, and a caret blink (`Screenshot.shows_another`).
        between: called before each further look; what it raises ends the wait.
        seen: called with the first screenshot and with each that shows another. Where the one
            given in the end has the same pixels as the last of these, it shares its image object.
    """
    interval = desktop.reaction_seconds if interval_seconds is None else interval_seconds
    if interval_seconds is None and still_seconds:
        interval = min(_LOOK_SECONDS, interval)
    started = changed = time.monotonic()
    before = desktop.screenshot()
    seen(before)
    while True:
        time.sleep(interval)
        between()
        asked = time.monotonic()
        after = desktop.screenshot()
        now = time.monotonic()
        after = after.sharing(before)
        if after.shows_another(before, threshold_px):
            before, changed = after, now
            seen(after)
        elif now - changed >= still_seconds:
            return Settled(after, now - started, still=True, capture_seconds=now - asked)
        if now - started >= ceiling_seconds:
            return Settled(after, now - started, still=False, capture_seconds=now - asked)
