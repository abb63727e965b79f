"""Ctrl-C, once to stop the episode in good order, twice to leave at once."""

import signal
from types import FrameType, TracebackType
from typing import Self


class StopOnInterrupt:
    """While entered, the first SIGINT makes it true when called: the loop's stop signal.

    The episode then ends with its log whole. The second SIGINT is a KeyboardInterrupt.
    Only in the main thread, where Python delivers signals.
    """

    def __init__(self) -> None:
        self._asked = False

    def __call__(self) -> bool:
        return self._asked

    def _interrupted(self, number: int, frame: FrameType | None) -> None:
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGINT, self._interrupted)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        signal.signal(signal.SIGINT, self._before)
