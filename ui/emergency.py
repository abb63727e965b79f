"""Stopping a session's hands by their own door, past a process that does not answer.

The session may be frozen, or deep in its model. Its hands are another process, and look at their
door between two input events (`env.stop_socket`). The session has a door too, which is passed by:
it hears the same over its own socket, and frozen would keep who knocks waiting.
"""

import json
import socket
import struct
import threading
from contextlib import suppress
from pathlib import Path

from agent.channel import descends_from
from env.errors import EnvError
from env.stop_socket import runtime_folder

_PEER = struct.Struct("3i")
_SECONDS = 1.0


def stop_hands(session_pid: int, reason: str) -> None:
    """Returns at once; the knocking is done in a thread."""
    threading.Thread(target=_knock, args=(session_pid, reason), daemon=True).start()


def _knock(session_pid: int, reason: str) -> None:
    with suppress(EnvError, OSError):
        for door in runtime_folder().glob("*.sock"):
            _knock_at(door, session_pid, reason)


def _knock_at(door: Path, session_pid: int, reason: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line, suppress(OSError):
        line.settimeout(_SECONDS)
        line.connect(str(door))
        peer = line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
        pid, _, _ = _PEER.unpack(peer)
        # Others of this user's run too, and nobody asked for them to stop.
        if pid != session_pid and descends_from(pid, session_pid):
            line.sendall(json.dumps({"stop": reason}).encode())
            line.recv(4096)
