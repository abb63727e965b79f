"""A connection of one's own to an X11 display."""

import os
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from Xlib import display as xdisplay
from Xlib import error as xerror
from Xlib.protocol import event

ANSWER_SECONDS = 4.0
_GREETING = b"l\0" + (11).to_bytes(2, "little") + bytes(8)
"""Of a client without a cookie: whatever is answered, somebody is there."""

_connecting = threading.Lock()
"""Client libraries read XAUTHORITY from the process while they connect, and only then."""


def connect(name: str, authority: Path | None) -> Any:
    """python-xlib's `Display`.

    Args:
        name: as in DISPLAY, e.g. ":1".
        authority: the file with the display's cookie; None: as the user's session has it.

    Raises:
        Xlib.error.DisplayError: no such display, or it refused us.
    """
    refuse_when_nobody_answers(name)
    with authority_of_process(authority):
        return _Display(name)


class _Display(xdisplay.Display):
    """With a table of events of its own. python-xlib has one for all displays of a process, though
    each server numbers the events of its extensions as it likes: a second server of another kind
    (Xephyr beside Xvfb) could not be connected to."""

    @property
    def display(self) -> Any:
        return self._display

    @display.setter
    def display(self, connection: Any) -> None:
        connection.event_classes = event.event_class.copy()
        self._display = connection


def refuse_when_nobody_answers(name: str) -> None:
    """Client libraries wait for ever for a server that is there and silent; where none is
    python-xlib goes on to TCP and leaves that socket open.

    Raises:
        Xlib.error.DisplayConnectionError
    """
    local = re.fullmatch(r"(?:unix)?:(\d+)(?:\.\d+)?", name)
    if local is None:
        return
    path = f"/tmp/.X11-unix/X{local[1]}"
    reason: OSError | None = None
    for address in (f"\0{path}", path):
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(ANSWER_SECONDS)
            try:
                link.connect(address)
                link.sendall(_GREETING)
                link.recv(1)
                return
            except TimeoutError as error:
                raise xerror.DisplayConnectionError(
                    name, f"no answer within {ANSWER_SECONDS:g} s"
                ) from error
            except OSError as error:
                reason = error
    raise xerror.DisplayConnectionError(name, reason)


@contextmanager
def authority_of_process(path: Path | None) -> Iterator[None]:
    """The process's XAUTHORITY is `path` for the block; no library takes it as an argument."""
    if path is None:
        yield
        return
    with _connecting:
        before = os.environ.get("XAUTHORITY")
        os.environ["XAUTHORITY"] = str(path)
        try:
            yield
        finally:
            if before is None:
                del os.environ["XAUTHORITY"]
            else:
                os.environ["XAUTHORITY"] = before
