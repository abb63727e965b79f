"""An end to waiting for an X server that is there and does not answer.

Client libraries wait for an answer for ever. Here a wait that takes too long has its sockets
shut down, and the library finds the connection closed.
"""

import ctypes
import os
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

SILENCE_SECONDS = 6.0
"""A capture takes some milliseconds, and a second on a machine that is busy beyond all measure."""


class Watchdog:
    """Watches the thread that talks; one at a time does."""

    def __init__(
        self, descriptors: Sequence[int], silence_seconds: float = SILENCE_SECONDS
    ) -> None:
        """
        Args:
            descriptors: of the connections; they stay the caller's.
        """
        self._descriptors = tuple(descriptors)
        self._silence_seconds = silence_seconds
        self._changed = threading.Condition()
        self._until: float | None = None
        self._closed = False
        self.bit = False
        """The server was silent for too long; the connections are no more."""
        self._thread = threading.Thread(target=self._watch, name="x11 watchdog", daemon=True)
        self._thread.start()

    @contextmanager
    def watching(self) -> Iterator[None]:
        with self._changed:
            # Not told of it: a thread that wakes for every picture costs more than the picture.
            self._until = time.monotonic() + self._silence_seconds
        try:
            yield
        finally:
            with self._changed:
                self._until = None

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _watch(self) -> None:
        with self._changed:
            while not self._closed:
                if self._until is not None and time.monotonic() > self._until:
                    self.bit = True
                    for descriptor in self._descriptors:
                        _shut_down(descriptor)
                    return
                self._changed.wait(self._silence_seconds / 10)


def descriptor_of(eyes: Any) -> int:
    """The socket of an mss object on X11, which it keeps to itself."""
    ask = ctypes.CDLL("libxcb.so.1").xcb_get_file_descriptor
    ask.argtypes = (ctypes.c_void_p,)
    connection = ctypes.cast(ctypes.pointer(eyes._impl.conn), ctypes.c_void_p)
    number: int = ask(connection)
    return number


def _shut_down(descriptor: int) -> None:
    with suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as copy:
        copy.shutdown(socket.SHUT_RDWR)
