"""The socket a session is watched and steered through, by as many as like to.

A Unix socket that only its owner may open. Whoever connects is told the episode so far and then
what happens; what they send is obeyed. They come and go as they please: the thread of the episode
only ever puts something into a queue, and who does not read is dropped.
"""

import logging
import os
import queue
import socket
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from agent.history import History
from agent.reports import Attach, Order, Report, Streamed, read_order, report_line

MAX_WAITING = 2_000
"""Lines that wait for one watcher; then it is dropped, and may come again."""
STREAM_SECONDS = 0.1
"""A piece of an answer waits so long for those after it, or until there is something else to tell.
What is told for every token takes the interpreter from the network that makes them, and cores from
it where watchers work on the same ones; a small network's whole answer is told as one."""
_MAX_ORDER_BYTES = 2**20

logger = logging.getLogger(__name__)

MakeReport = Callable[[], Report | None]
"""A report is made when it is its turn: encoding a picture is not the episode's business. None:
there is nothing to tell."""


class Channel:
    """Open from the constructor on. `post` may be called from any thread."""

    def __init__(
        self,
        path: Path,
        obey: Callable[[Order], None],
        *,
        left_alone: Callable[[], None],
    ) -> None:
        """
        Args:
            path: of the socket; its folder is only the owner's.
            obey: called with each order, in the thread of who sent it. Must be quick.
            left_alone: called when the last watcher is gone.
        """
        self.path = path
        self._obey = obey
        self._left_alone = left_alone
        self._history = History()
        self._incoming: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._pressing = threading.Event()
        """Something else than a piece of an answer has come in."""
        self._watchers: list[_Watcher] = []
        self._changed = threading.Lock()
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._server.bind(str(path))
        path.chmod(0o600)
        self._server.listen()
        self._poster = threading.Thread(target=self._post_all, name="reports", daemon=True)
        self._poster.start()
        self._acceptor = threading.Thread(target=self._accept, name="watchers", daemon=True)
        self._acceptor.start()

    @property
    def num_watchers(self) -> int:
        return sum(watcher.is_attached for watcher in self._watchers)

    def post(self, report: Report | MakeReport) -> None:
        self._put(report)

    def close(self) -> None:
        """What was posted is delivered to who reads it within a second."""
        self._put(None)
        self._poster.join(5.0)
        self.path.unlink(missing_ok=True)
        # Not close alone: that would leave the other thread in its accept.
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._acceptor.join(1.0)
        self._server.close()
        _turn_away(self._come_in())
        for watcher in list(self._watchers):
            watcher.finish()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            if peer_is_ours(connection):
                self._put(_Watcher(connection, self._obey, self._gone))
            else:
                logger.warning("a process of the agent's own desktop wanted in; refused")
                connection.close()

    def _put(self, item: "_Item | None") -> None:
        self._incoming.put(item)
        if not isinstance(item, Streamed):
            self._pressing.set()

    def _post_all(self) -> None:
        """In one thread, so that who joins misses nothing and hears nothing twice."""
        while True:
            self._pressing.clear()
            items = [self._incoming.get(), *self._come_in()]
            if all(isinstance(item, Streamed) for item in items):
                self._pressing.wait(STREAM_SECONDS)
                items += self._come_in()
            items = _joined(items)
            for place, item in enumerate(items):
                if item is None:
                    _turn_away(items[place + 1 :])
                    return
                if isinstance(item, _Watcher):
                    self._let_in(item)
                elif (report := item() if callable(item) else item) is not None:
                    self._tell(report)

    def _come_in(self) -> "Iterator[_Item | None]":
        """What waits."""
        with suppress(queue.Empty):
            while True:
                yield self._incoming.get_nowait()

    def _let_in(self, watcher: "_Watcher") -> None:
        for report in self._history.replay():
            watcher.tell(report_line(report))
        with self._changed:
            self._watchers.append(watcher)
        watcher.start()

    def _tell(self, report: Report) -> None:
        self._history.add(report)
        if self._watchers:
            line = report_line(report)
            for watcher in list(self._watchers):
                watcher.tell(line)

    def _gone(self, watcher: "_Watcher") -> None:
        with self._changed:
            if watcher not in self._watchers:
                return
            self._watchers.remove(watcher)
        if watcher.is_attached and not self.num_watchers:
            self._left_alone()


class _Watcher:
    """One connection: a thread that sends, a thread that listens."""

    def __init__(
        self,
        connection: socket.socket,
        obey: Callable[[Order], None],
        gone: Callable[["_Watcher"], None],
    ) -> None:
        self._connection = connection
        self._obey = obey
        self._gone = gone
        self._lines: queue.Queue[bytes | None] = queue.Queue(MAX_WAITING)
        self.is_attached = False
        """It watches, and does not only ask which session this is."""
        self._sender = threading.Thread(target=self._send, daemon=True)

    def start(self) -> None:
        self._sender.start()
        threading.Thread(target=self._listen, daemon=True).start()

    def tell(self, line: bytes) -> None:
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            logger.warning("a watcher does not read; dropped")
            self.hang_up()

    def finish(self) -> None:
        with suppress(queue.Full):
            self._lines.put_nowait(None)
        self._sender.join(1.0)
        self.hang_up()

    def _send(self) -> None:
        with suppress(OSError):
            while (line := self._lines.get()) is not None:
                self._connection.sendall(line)
        self.hang_up()

    def _listen(self) -> None:
        try:
            with self._connection.makefile("rb") as lines:
                while line := lines.readline(_MAX_ORDER_BYTES):
                    order = read_order(line)
                    if isinstance(order, Attach):
                        self.is_attached = True
                    else:
                        self._obey(order)
        except (OSError, ValueError) as error:
            logger.info("a watcher is gone: %s", error)
        self.hang_up()
        self._gone(self)

    def hang_up(self) -> None:
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()


_Item = Report | MakeReport | _Watcher


def _turn_away(late: "Iterable[_Item | None]") -> None:
    """Who came after the last report was posted."""
    for item in late:
        if isinstance(item, _Watcher):
            item.hang_up()


def _joined(items: list[_Item | None]) -> list[_Item | None]:
    """Pieces of an answer that follow one another made into one."""
    joined: list[_Item | None] = []
    for item in items:
        last = joined[-1] if joined else None
        if isinstance(item, Streamed) and isinstance(last, Streamed) and last.step == item.step:
            joined[-1] = replace(last, text=last.text + item.text)
        else:
            joined.append(item)
    return joined


def peer_is_ours(connection: socket.socket) -> bool:
    """Is it the same user, and none of the processes this one started?

    The applications of the agent's desktop are such processes. What the agent does there could
    start a program that answers the agent's own questions.
    """
    size = struct.calcsize("3i")
    peer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    pid, user, _ = struct.unpack("3i", peer)
    return user == os.getuid() and not descends_from(pid, os.getpid())


def descends_from(pid: int, ancestor: int) -> bool:
    """Also true if it cannot be told: the process is gone."""
    while pid > 1:
        try:
            # Everything after the name, which may hold anything: state, then the parent.
            status = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return True
        pid = int(status[1])
        if pid == ancestor:
            return True
    return False
