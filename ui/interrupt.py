"""From outside into a running command: Ctrl-C and `main.py stop`.

Once to stop the episode in good order; Ctrl-C twice to leave at once.
"""

import os
import select
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

from agent.control import Control
from env.stop_socket import StopSocket, runtime_folder


class StopDoor:
    """While entered, `main.py stop` is heard, by a thread of its own."""

    def __init__(
        self, stop: Callable[[str], None], *, about: str, folder: Path | None = None
    ) -> None:
        """
        Args:
            stop: called with the reason, from that thread.
            about: what is being done, for who asks what is running.
            folder: where `main.py stop` looks; None: this user's own.
        """
        self._stop = stop
        self._about = about
        self._folder = folder

    def __enter__(self) -> Self:
        self._door = StopSocket(self._folder or runtime_folder(), os.getpid(), self._about)
        self._bell, self._ring = os.pipe()
        self._porter = threading.Thread(target=self._keep, name="stop", daemon=True)
        self._porter.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._ring)
        self._porter.join()
        os.close(self._bell)
        self._door.close()

    def _keep(self) -> None:
        while True:
            sources: list[Any] = [self._door, self._bell]
            ready, _, _ = select.select(sources, [], [])
            if self._bell in ready:
                return
            if (reason := self._door.asked()) is not None:
                self._stop(reason)


class StopOnInterrupt:
    """While entered, the first SIGINT, a SIGTERM, the terminal's end or `main.py stop` stops
    what looks at the control it gives.

    The episode then ends with its log whole. The second SIGINT is a KeyboardInterrupt.
    Only in the main thread, where Python delivers signals.
    """

    def __init__(
        self,
        control: Control | None = None,
        *,
        about: str = "a command",
        folder: Path | None = None,
    ) -> None:
        """
        Args:
            control: stopped by others too; None: one of its own.
            about: what the command does, for who asks what is running.
            folder: where `main.py stop` looks; None: this user's own.
        """
        self._control = control or Control()
        self._asked = False
        self._door = StopDoor(self._control.stop, about=about, folder=folder)

    def _interrupted(self, number: int, frame: FrameType | None) -> None:
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True
        self._control.stop("interrupted from the terminal")

    def _ended(self, number: int, frame: FrameType | None) -> None:
        self._control.stop(f"told to end by {signal.Signals(number).name}")

    def __enter__(self) -> Control:
        self._before = {
            number: signal.signal(number, handler)
            for number, handler in (
                (signal.SIGINT, self._interrupted),
                (signal.SIGTERM, self._ended),
                (signal.SIGHUP, self._ended),
            )
        }
        self._door.__enter__()
        return self._control

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._door.__exit__(kind, error, trace)
        for number, before in self._before.items():
            signal.signal(number, before)
