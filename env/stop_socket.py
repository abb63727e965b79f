"""A door through which whoever owns it can stop a running Moonhand from another terminal.

A Unix socket only its user can open, in a folder only they can enter; who
connects is asked for by the kernel once more. It works while the model thinks
and when the screen of the program is dead, because the hands look at it.
"""

import json
import os
import signal
import socket
import stat
import struct
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from env.errors import EnvError

ANSWER_SECONDS = 5.0
_PEER = struct.Struct("3i")
"""pid, uid, gid (man 7 unix, SO_PEERCRED)."""
_MOST_BYTES = 4096


class StopFolderUnsafe(EnvError):
    """The folder of the sockets belongs to somebody else, or others may enter it."""


class Stopped(NamedTuple):
    run: int
    """Process id of the program."""
    about: str
    """What it was doing, in words; empty if it did not answer."""
    killed: bool
    """It did not answer, and was killed."""


def runtime_folder() -> Path:
    """Where this user's programs keep their sockets: /run/user/UID, or /tmp where that is not.

    Raises:
        StopFolderUnsafe: somebody else made it.
    """
    user = os.getuid()
    session = Path(f"/run/user/{user}")
    folder = session / "moonhand" if session.is_dir() else Path(f"/tmp/moonhand-{user}")
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    check(folder)
    return folder


def check(folder: Path) -> None:
    """Raises: StopFolderUnsafe, OSError."""
    state = folder.lstat()
    if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.getuid() or state.st_mode & 0o077:
        raise StopFolderUnsafe(
            f"{folder} is not a folder of this user's alone (mode {stat.filemode(state.st_mode)},"
            f" user {state.st_uid}); remove it"
        )


class StopSocket:
    """One process's door; whoever opened it closes it."""

    def __init__(self, folder: Path, run: int, about: str) -> None:
        """
        Args:
            run: process id of the program this stops; it may have several doors.
            about: what it does, in words.

        Raises:
            StopFolderUnsafe, OSError.
        """
        check(folder)
        self._told = {"run": run, "about": about}
        self._path = folder / f"{os.getpid()}.sock"
        self._path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            # Not open to anybody for a moment: the folder is ours alone.
            self._socket.bind(str(self._path))
            self._path.chmod(0o600)
            self._socket.listen(8)
        except OSError:
            self._socket.close()
            raise

    def fileno(self) -> int:
        """Readable when somebody knocks."""
        return self._socket.fileno()

    def asked(self) -> str | None:
        """Let in who knocks; the reason they give, None if they have no business here.

        They are answered at once: what is asked for here is never refused.
        """
        with suppress(OSError, ValueError, KeyError, TypeError):
            caller, _ = self._socket.accept()
            with caller:
                caller.settimeout(0.05)
                if _peer(caller).uid != os.getuid():
                    return None
                asked = json.loads(caller.recv(_MOST_BYTES))
                reason = asked["stop"]
                if asked.keys() != {"stop"} or not isinstance(reason, str):
                    return None
                # Who asked may be gone; the stop holds all the same.
                with suppress(OSError):
                    caller.sendall(json.dumps(self._told).encode())
                return reason
        return None

    def close(self) -> None:
        self._path.unlink(missing_ok=True)
        self._socket.close()


def stop_all(folder: Path, reason: str) -> list[Stopped]:
    """Stop everything that has a door in the folder; what does not answer is killed."""
    found: dict[int, Stopped] = {}
    for path in sorted(folder.glob("*.sock")):
        stopped = stop_one(path, reason)
        # The hands have a door of their own, and are the same run.
        if stopped is not None:
            found.setdefault(stopped.run, stopped)
    return list(found.values())


def stop_one(path: Path, reason: str) -> Stopped | None:
    """Knock at one door; None: nobody is behind it any more."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
        door.settimeout(ANSWER_SECONDS)
        try:
            door.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            # Of a process that died.
            path.unlink(missing_ok=True)
            return None
        try:
            door.sendall(json.dumps({"stop": reason}).encode())
            told = json.loads(door.recv(_MOST_BYTES))
            return Stopped(int(told["run"]), str(told["about"]), killed=False)
        except (OSError, ValueError, KeyError, TypeError):
            # The kernel's word for who listens there: no number out of a file, which may by
            # now be another's.
            process = _peer(door).pid
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
            path.unlink(missing_ok=True)
            return Stopped(process, "", killed=True)


class _Peer(NamedTuple):
    pid: int
    uid: int
    gid: int


def _peer(connection: socket.socket) -> _Peer:
    told = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
    return _Peer(*_PEER.unpack(told))
