"""Passing bytes between a network port and a socket in a folder.

A sandbox has a network of its own, with nothing on it but itself. A socket in a
folder that both sides see is the one way across: inside, it leads to a port of
the sandbox's loopback; outside, a port of ours leads to it.

Standard library only: inside it is run as a script (`relay.py SOCKET PORT`).
"""

import contextlib
import signal
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path

_CHUNK = 65536


class Relay:
    """Takes connections until closed, each answered by one that `connect` makes."""

    def __init__(self, listener: socket.socket, connect: Callable[[], socket.socket]) -> None:
        """Takes over the listener, which is bound but not listening yet."""
        self._listener = listener
        self._connect = connect
        listener.listen(64)
        threading.Thread(target=self._accept, name="relay", daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = self._connect()
            except OSError:
                # Nobody is there yet; who asked will ask again.
                client.close()
                continue
            threading.Thread(target=_pass_on, args=(client, server), daemon=True).start()


def port_to_socket(path: Path) -> tuple[Relay, int]:
    """A free port of 127.0.0.1 that leads to a socket in a folder."""
    listener = socket.socket(socket.AF_INET)
    listener.bind(("127.0.0.1", 0))
    port: int = listener.getsockname()[1]
    return Relay(listener, lambda: _connected(socket.AF_UNIX, str(path))), port


def socket_to_port(path: Path, port: int) -> Relay:
    """A socket in a folder that leads to a port of 127.0.0.1."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    return Relay(listener, lambda: _connected(socket.AF_INET, ("127.0.0.1", port)))


def _connected(family: socket.AddressFamily, address: str | tuple[str, int]) -> socket.socket:
    connection = socket.socket(family)
    try:
        connection.connect(address)
    except OSError:
        connection.close()
        raise
    return connection


def _pass_on(client: socket.socket, server: socket.socket) -> None:
    """Both ways until both are over."""
    with client, server:
        back = threading.Thread(target=_pump, args=(server, client), daemon=True)
        back.start()
        _pump(client, server)
        back.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while chunk := source.recv(_CHUNK):
            target.sendall(chunk)
    # One direction is over; the other may still have something to say.
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    socket_to_port(Path(sys.argv[1]), int(sys.argv[2]))
    signal.pause()
