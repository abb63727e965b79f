"""The first program inside the sandbox: starts others when asked from outside.

It runs there alone, by the standard library only, since nothing else of ours is in sight.
Asked through a listening socket that it inherits and that no program inside can reach. One
connection is one program: it ends when the connection does.
"""

import contextlib
import json
import os
import resource
import selectors
import shutil
import signal
import socket
import struct
import sys

MAX_REQUEST_BYTES = 4 * 2**20
LOOK_SECONDS = 0.2
MOVED = 64
"""Descriptors are moved up here first, so that none is in the way of another's place."""


def start(request: dict, received: list[int]) -> int:
    """Fork and exec; gives the process, the leader of a session of its own.

    Raises:
        OSError: no such program or folder.
    """
    environment = request["environment"]
    argv = request["argv"]
    program = shutil.which(argv[0], path=environment.get("PATH", os.defpath))
    if program is None:
        raise FileNotFoundError(f"{argv[0]}: no such program here")
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        _become(program, request, received, writer)
    os.close(writer)
    with os.fdopen(reader, "rb") as told:
        failed = told.read()
    if failed:
        os.waitpid(pid, 0)
        raise OSError(failed.decode())
    return pid


def _become(program: str, request: dict, received: list[int], writer: int) -> None:
    """The child's part: never returns."""
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        moved = [MOVED + place for place, _ in enumerate(received)]
        for descriptor, place in zip(received, moved, strict=True):
            os.dup2(descriptor, place, inheritable=False)
        os.dup2(writer, MOVED - 1, inheritable=False)
        silence = os.open(os.devnull, os.O_RDWR)
        for place in range(3):
            os.dup2(silence, place)
        for descriptor, place in zip(moved, request["places"], strict=True):
            os.dup2(descriptor, place)
        os.chdir(request["folder"])
        os.execve(program, request["argv"], request["environment"])
    except BaseException as error:
        os.write(MOVED - 1, str(error).encode() or b"failed")
    finally:
        os._exit(127)


class Watch:
    """Ends the largest program when all together hold more memory than they may: for users whom
    the kernel lets make no control group. It looks, so a quick one has more for a moment."""

    def __init__(self, most_bytes: int) -> None:
        """
        Args:
            most_bytes: 0: no watch is kept, a control group does it.
        """
        self._most_bytes = most_bytes
        self.pause_seconds = LOOK_SECONDS if most_bytes else None
        """Until the next look."""

    def look(self) -> None:
        if not self._most_bytes:
            return
        held = {pid: _resident_bytes(pid) for pid in _others()}
        total = sum(held.values())
        if total > self._most_bytes:
            # Pages that several share were counted for each.
            held = {pid: _own_share_bytes(pid) for pid in held}
            total = sum(held.values())
            if total > self._most_bytes:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(max(held, key=held.__getitem__), signal.SIGKILL)
        self.pause_seconds = LOOK_SECONDS / 10 if total > self._most_bytes / 3 else LOOK_SECONDS


def _others() -> list[int]:
    """Every process here but the first and this one."""
    numbers = (int(name) for name in os.listdir("/proc") if name.isdigit())
    return [number for number in numbers if number not in (1, os.getpid())]


def _resident_bytes(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * resource.getpagesize()
    except OSError:
        return 0


def _own_share_bytes(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
            for line in file:
                if line.startswith(b"Pss:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


class Supervisor:
    def __init__(self, listening: socket.socket, watch: Watch) -> None:
        self._watch = watch
        self._listening = listening
        self._selector = selectors.DefaultSelector()
        self._programs: dict[int, socket.socket] = {}
        self._processes: dict[socket.socket, int] = {}

    def serve(self) -> None:
        """Until the listening socket's other side, and with it the sandbox, is gone."""
        awake, wake = os.pipe()
        os.set_blocking(awake, False)
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._selector.register(self._listening, selectors.EVENT_READ)
        self._selector.register(awake, selectors.EVENT_READ)
        while True:
            self._watch.look()
            for key, _ in self._selector.select(self._watch.pause_seconds):
                if key.fileobj is self._listening:
                    self._accept()
                elif key.fileobj == awake:
                    with contextlib.suppress(BlockingIOError):
                        os.read(awake, 4096)
                    self._reap()
                elif key.fileobj in self._processes:
                    # Not so if its program was reaped a moment ago.
                    self._obey(key.fileobj)

    def _accept(self) -> None:
        connection, _ = self._listening.accept()
        connection.settimeout(10.0)
        received: list[int] = []
        try:
            header, received, _, _ = socket.recv_fds(
                connection, 4, 16, flags=socket.MSG_CMSG_CLOEXEC
            )
            (length,) = struct.unpack(">I", header)
            if length > MAX_REQUEST_BYTES:
                raise OSError(f"a request of {length} bytes")
            request = json.loads(_exactly(connection, length))
            pid = start(request, received)
        except (OSError, ValueError, KeyError, struct.error) as error:
            _tell(connection, {"error": str(error)})
            connection.close()
        else:
            self._programs[pid] = connection
            self._processes[connection] = pid
            self._selector.register(connection, selectors.EVENT_READ)
            _tell(connection, {"pid": pid})
        finally:
            for descriptor in received:
                os.close(descriptor)

    def _obey(self, connection: socket.socket) -> None:
        """A signal's number in one byte; the end of the connection is the program's."""
        try:
            said = connection.recv(64)
        except OSError:
            said = b""
        pid = self._processes[connection]
        with contextlib.suppress(ProcessLookupError):
            for number in said or (signal.SIGKILL,):
                os.killpg(pid, number)
        if not said:
            self._forget(connection)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            connection = self._programs.get(pid)
            if connection is not None:
                _tell(connection, {"returncode": os.waitstatus_to_exitcode(status)})
                self._forget(connection)

    def _forget(self, connection: socket.socket) -> None:
        self._selector.unregister(connection)
        self._programs.pop(self._processes.pop(connection))
        connection.close()


def _exactly(connection: socket.socket, length: int) -> bytes:
    data = b""
    while len(data) < length:
        piece = connection.recv(length - len(data))
        if not piece:
            raise OSError("the request was cut off")
        data += piece
    return data


def _tell(connection: socket.socket, message: dict) -> None:
    with contextlib.suppress(OSError):
        connection.sendall(json.dumps(message).encode() + b"\n")


def main(listening: str, limits: str, most_bytes: str) -> None:
    """Args: the listening socket's descriptor; `resource` limits by name, as JSON; how much
    memory to watch for, 0: not."""
    for name, most in json.loads(limits).items():
        resource.setrlimit(getattr(resource, name), (most, most))
    descriptor = int(listening)
    os.set_inheritable(descriptor, False)
    Supervisor(socket.socket(fileno=descriptor), Watch(int(most_bytes))).serve()


if __name__ == "__main__":
    main(*sys.argv[1:])
