"""Asks the sandbox's supervisor for a program, from outside.

Standard library only: it is also run as a script, in place of a program that lives in the
sandbox, by whoever knows only how to start a file (`sandbox_client.py SOCKET FROM TO PROGRAM
ARGUMENTS`; paths that begin with FROM are given on beginning with TO).
"""

import json
import os
import socket
import struct
import sys
from collections.abc import Mapping, Sequence

MAX_ANSWER_BYTES = 64 * 1024
HANDED_ON = range(5)
"""Descriptors of the script that the program gets: Playwright speaks through 3 and 4."""


def ask(
    control: str,
    argv: Sequence[str],
    environment: Mapping[str, str],
    folder: str,
    descriptors: Mapping[int, int],
) -> socket.socket:
    """Start a program; the connection is its life line.

    Args:
        control: path of the supervisor's socket.
        descriptors: ours, by the number they are to have in the program.

    Raises:
        OSError: it could not be started.
    """
    request = {
        "argv": list(argv),
        "environment": dict(environment),
        "folder": folder,
        "places": list(descriptors),
    }
    data = json.dumps(request).encode()
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(10.0)
        connection.connect(control)
        socket.send_fds(connection, [struct.pack(">I", len(data))], list(descriptors.values()))
        connection.sendall(data)
        started = answer(connection)
        if "error" in started:
            raise OSError(started["error"])
        connection.settimeout(None)
    except BaseException:
        connection.close()
        raise
    return connection


def answer(connection: socket.socket) -> dict[str, object]:
    """The next message of the supervisor; an empty one if it is gone.

    Raises:
        OSError: what came is none.
    """
    line = b""
    while not line.endswith(b"\n"):
        # Byte by byte: the next message must stay for the next call.
        piece = connection.recv(1)
        if not piece:
            return {}
        line += piece
        if len(line) > MAX_ANSWER_BYTES:
            raise OSError("the sandbox answered with something too long")
    try:
        message = json.loads(line)
    except ValueError as error:
        raise OSError(f"the sandbox answered {line[:80]!r}") from error
    if not isinstance(message, dict):
        raise OSError(f"the sandbox answered {line[:80]!r}")
    return message


def main(control: str, from_path: str, to_path: str, *argv: str) -> int:
    descriptors = {number: number for number in HANDED_ON if _is_open(number)}
    inside = [word.replace(from_path, to_path) for word in argv]
    connection = ask(control, inside, os.environ, "/", descriptors)
    for number in descriptors:
        # Whoever reads the other ends must see them close when the program closes them.
        os.close(number)
    ended = answer(connection).get("returncode", 1)
    return ended if isinstance(ended, int) and ended >= 0 else 1


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
