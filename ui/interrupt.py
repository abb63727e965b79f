"""Ctrl-C, once to stop the episode in good order, twice to leave at once."""

import signal
from types import FrameType, TracebackType

from agent.control import Control


class StopOnInterrupt:
    """While entered, the first SIGINT stops what looks at the control it gives.

    The episode then ends with its log whole. The second SIGINT is a KeyboardInterrupt.
    Only in the main thread, where Python delivers signals.
    """

    def __init__(self, control: Control | None = None) -> None:
        """
        Args:
            control: stopped by others too; None: one of its own.
        """
        self._control = control or Control()
        self._asked = False

    def _interrupted(self, number: int, frame: FrameType | None) -> None:
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True
        self._control.stop("interrupted from the terminal")

    def __enter__(self) -> Control:
        self._before = signal.signal(signal.SIGINT, self._interrupted)
        return self._control

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        signal.signal(signal.SIGINT, self._before)
