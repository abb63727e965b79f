"""The other end of a session's socket: finding sessions, hearing them, telling them."""

import contextlib
import os
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from agent.errors import AgentError
from agent.reports import Attach, Opened, Order, Report, order_line, read_report

SUFFIX = ".session"


class SessionGone(AgentError):
    """It ended, or never was."""


def sessions(folder: Path) -> list[Path]:
    """Sockets of sessions that live, the newest first; what dead ones left behind is removed."""
    living = []
    for path in folder.glob(f"*{SUFFIX}"):
        with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as probe:
            probe.settimeout(1.0)
            try:
                probe.connect(str(path))
            except ConnectionRefusedError:
                path.unlink(missing_ok=True)
            except OSError:
                continue
            else:
                living.append(path)
    return sorted(living, key=lambda path: path.name, reverse=True)


def private_folder(path: Path) -> Path:
    """Made if need be, and only the owner's.

    Raises:
        PermissionError: it belongs to somebody else, or others may look into it.
    """
    path.mkdir(parents=True, mode=0o700, exist_ok=True)
    state = path.stat()
    if state.st_uid != os.getuid() or state.st_mode & 0o077:
        raise PermissionError(f"{path} is not only yours; expected mode 700")
    return path


class Watch:
    """A connection. `order` may be called from any thread, `reports` read by one."""

    def __init__(self, path: Path) -> None:
        """
        Raises:
            SessionGone: nobody listens there.
        """
        self.path = path
        self._connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._sending = threading.Lock()
        try:
            self._connection.connect(str(path))
        except OSError as error:
            self._connection.close()
            raise SessionGone(f"no session at {path}: {error}") from error

    @property
    def peer_pid(self) -> int:
        """The process at the other end, as the kernel knows it."""
        size = struct.calcsize("3i")
        peer = self._connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
        return int(struct.unpack("3i", peer)[0])

    def reports(self) -> Iterator[Report]:
        """Until the session ends or this end is closed."""
        with contextlib.suppress(OSError), self._connection.makefile("rb") as lines:
            for line in lines:
                yield read_report(line)

    def order(self, order: Attach | Order) -> None:
        """Raises: SessionGone."""
        try:
            with self._sending:
                self._connection.sendall(order_line(order))
        except OSError as error:
            raise SessionGone(f"the session at {self.path} is gone: {error}") from error

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def opened(path: Path) -> Opened:
    """What session this is.

    Raises:
        SessionGone.
    """
    with Watch(path) as watch:
        for report in watch.reports():
            if isinstance(report, Opened):
                return report
    raise SessionGone(f"the session at {path} said nothing")
