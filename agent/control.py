"""What whoever steers an episode shares with its loop: stop, pause, go on.

May be called from any thread and from a signal handler. The loop looks at it
between tokens, before every action and while the screen settles; a desktop that
is in the middle of an action is told through `subscribe` and does not wait for
the loop. A stop is for good: a new episode gets a new control.
"""

import threading
from collections.abc import Callable
from typing import NamedTuple

LOOK_SECONDS = 0.1
"""A notification may be lost to a signal handler that came between; nobody waits longer."""


class Pause(NamedTuple):
    reason: str
    takeover: bool = False
    """A person used mouse or keyboard: what is on the screen is not the policy's doing alone."""


class Control:
    def __init__(self) -> None:
        # Reentrant: a signal handler may come while its own thread holds it.
        self._changed = threading.Condition(threading.RLock())
        self._stopped: str | None = None
        self._paused: Pause | None = None
        self._pauses: list[Pause] = []
        self._subscribers: list[Callable[[], None]] = []

    @property
    def stopped(self) -> str | None:
        """Why it was stopped; None: it was not."""
        return self._stopped

    @property
    def paused(self) -> str | None:
        """Why it is paused; None: it is not."""
        paused = self._paused
        return None if paused is None else paused.reason

    @property
    def pauses(self) -> tuple[Pause, ...]:
        """All so far, those that are over too. One more than before: what was seen before it
        may be out of date."""
        return tuple(self._pauses)

    def stop(self, reason: str = "asked to stop") -> None:
        """The first reason stays."""
        with self._changed:
            if self._stopped is not None:
                return
            self._stopped = reason
            self._changed.notify_all()
        self._tell()

    def pause(self, reason: str = "paused", *, takeover: bool = False) -> None:
        """
        Args:
            takeover: a person acts. A pause that was none before becomes one.
        """
        with self._changed:
            if self._paused is None:
                self._paused = Pause(reason, takeover)
                self._pauses.append(self._paused)
            elif takeover and not self._paused.takeover:
                self._paused = self._pauses[-1] = Pause(reason, takeover)
            else:
                return
            self._changed.notify_all()
        self._tell()

    def resume(self) -> None:
        """Go on. Does nothing if it is not paused."""
        with self._changed:
            if self._paused is None:
                return
            self._paused = None
            self._changed.notify_all()
        self._tell()

    def overlook_pauses(self, count: int) -> None:
        """After the first `count` pauses a person was touching mouse or keyboard to answer what
        they were asked: that was no takeover, and nothing that was seen is out of date."""
        with self._changed:
            if len(self._pauses) <= count:
                return
            del self._pauses[count:]
            self._paused = None
            self._changed.notify_all()
        self._tell()

    def wait_while_paused(self) -> None:
        """Blocks until it is resumed or stopped."""
        with self._changed:
            while self._paused is not None and self._stopped is None:
                self._changed.wait(LOOK_SECONDS)

    def subscribe(self, changed: Callable[[], None]) -> None:
        """Call `changed` after every stop, pause and resume, in the thread that asked for it.

        It must be quick, and looks here for what is so now.
        """
        self._subscribers.append(changed)

    def unsubscribe(self, changed: Callable[[], None]) -> None:
        if changed in self._subscribers:
            self._subscribers.remove(changed)

    def _tell(self) -> None:
        for changed in tuple(self._subscribers):
            changed()
