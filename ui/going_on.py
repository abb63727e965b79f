"""Asking a person in the terminal whether a paused episode may go on."""

import threading
from collections.abc import Callable

from agent.control import Control
from agent.events import Event, Paused


class GoOnAtEnter:
    """A subscriber of events: after a pause, a line from the terminal resumes."""

    def __init__(
        self,
        control: Control,
        say: Callable[[str], None],
        read_line: Callable[[], str] | None,
    ) -> None:
        """
        Args:
            read_line: waits for Enter; an empty text is the end of the input. None: nobody is
                at a terminal, so a pause is a stop.
        """
        self._control = control
        self._say = say
        self._read_line = read_line
        self._asking: threading.Thread | None = None

    def __call__(self, event: Event) -> None:
        if not isinstance(event, Paused):
            return
        if self._read_line is None:
            self._control.stop(f"{event.reason}, and nobody is here to let it go on")
            return
        self._say("  press Enter here to go on, Ctrl-C to stop")
        if self._asking is None or not self._asking.is_alive():
            self._asking = threading.Thread(
                target=self._ask, args=(self._read_line,), name="going on", daemon=True
            )
            self._asking.start()

    def _ask(self, read_line: Callable[[], str]) -> None:
        if read_line():
            self._control.resume()
        else:
            self._control.stop("the terminal was closed during a pause")
