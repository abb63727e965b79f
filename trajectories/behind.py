"""Work done behind the caller's back, in its order, until the caller wants to be sure of it.

What is looked at next waits for a screenshot to reach the disk only when
something is about to be done; until then the network thinks.
"""

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue

Work = Callable[[], object]


class _Shared:
    """What both sides know; the thread knows no more, so that it ends with who began it."""

    def __init__(self) -> None:
        self.queue: SimpleQueue[Work | threading.Event | None] = SimpleQueue()
        self.error: BaseException | None = None


class Behind:
    """One thread, from the first piece of work on. After an error nothing more is done."""

    def __init__(self) -> None:
        self._shared = _Shared()
        self._thread: threading.Thread | None = None

    def add(self, work: Work) -> None:
        """Raises: what an earlier piece of work raised."""
        self._raise()
        if self._thread is None:
            self._thread = threading.Thread(
                target=_do_all, args=(self._shared,), name="behind", daemon=True
            )
            self._thread.start()
        self._shared.queue.put(work)

    def wait(self) -> None:
        """Returns when all of it is done. Raises: what a piece of it raised."""
        self._raise()
        if self._thread is not None:
            done = threading.Event()
            self._shared.queue.put(done)
            # A thread that ended on an error may have missed it.
            while not done.wait(0.05) and self._thread.is_alive():
                continue
        self._raise()

    def close(self) -> None:
        """Does what is left and ends the thread. Raises: what a piece of work raised."""
        try:
            self.wait()
        finally:
            if self._thread is not None:
                self._shared.queue.put(None)
                self._thread.join()
                self._thread = None

    def __del__(self) -> None:
        self._shared.queue.put(None)

    def _raise(self) -> None:
        if self._shared.error is not None:
            raise self._shared.error


def _do_all(shared: _Shared) -> None:
    while (work := shared.queue.get()) is not None:
        if isinstance(work, threading.Event):
            work.set()
            continue
        try:
            work()
        # Whatever it is, the caller is told it at the next call; here nobody would be.
        except BaseException as error:
            shared.error = error
            break
        finally:
            # Not kept for as long as nothing else comes: it holds on to who handed it in.
            del work
    while shared.error is not None:
        try:
            left = shared.queue.get_nowait()
        except Empty:
            return
        if isinstance(left, threading.Event):
            left.set()
