"""Between any two input events: may there be a next one, and when.

Whoever injects asks before every event. That is how a stop reaches the middle
of a long text, and how nobody is faster than an application can bear.
"""

import time
from collections.abc import Callable

EVENTS_A_SECOND = 4_000.0
"""A typist strikes 40 in a second, a mouse reports 1,000; X11 takes some 15,000."""
BURST_EVENTS = 400.0
ACTIONS_A_SECOND = 200.0
BURST_ACTIONS = 200.0


class Bucket:
    """Fills at a steady rate; what is taken beyond it has to be waited for."""

    def __init__(self, a_second: float, burst: float, now: Callable[[], float]) -> None:
        self._a_second = a_second
        self._burst = burst
        self._now = now
        self._left = burst
        self._at = now()

    def take(self) -> float:
        """Seconds to wait for this one."""
        now = self._now()
        self._left = min(self._burst, self._left + (now - self._at) * self._a_second) - 1.0
        self._at = now
        return max(0.0, -self._left / self._a_second)


class Pace:
    def __init__(self, wait: Callable[[float], None]) -> None:
        """
        Args:
            wait: lets so many seconds pass, 0 too; what it raises ends the action.
        """
        self.wait = wait
        self._events = Bucket(EVENTS_A_SECOND, BURST_EVENTS, time.monotonic)
        self._actions = Bucket(ACTIONS_A_SECOND, BURST_ACTIONS, time.monotonic)

    def before_event(self) -> None:
        self.wait(self._events.take())

    def before_action(self) -> None:
        self.wait(self._actions.take())
