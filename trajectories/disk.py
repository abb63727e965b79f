"""The few things a run asks of a disk, so that a test can stand in for one that fails.

`RealDisk` is the disk itself. Every method raises `OSError` and repeats
nothing: after a failed fsync the kernel may have dropped the pages, and a
second one would say all is well.
"""

import fcntl
import os
from pathlib import Path
from typing import Protocol

from trajectories.errors import LogLocked


class AppendFile(Protocol):
    """A file that only grows, held by one writer."""

    def read_all(self) -> bytes: ...
    def append(self, data: bytes) -> None:
        """All of it or an error; what an error left behind is cut off by `truncate`."""

    def sync(self) -> None:
        """Return when what was appended survives a power cut."""

    def truncate(self, length: int) -> None: ...
    def close(self) -> None: ...


class Disk(Protocol):
    def make_folder(self, path: Path) -> None:
        """Readable by its owner only; parents too; nothing happens if it is there."""

    def open_append(self, path: Path) -> AppendFile:
        """Raises `LogLocked` if another process holds it."""

    def write_whole(self, path: Path, data: bytes, *, durable: bool) -> None:
        """The file appears complete under its name or not at all; durable: and survives."""

    def exists(self, path: Path) -> bool: ...
    def read(self, path: Path) -> bytes: ...


class RealAppendFile:
    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._fd)
            raise LogLocked(f"{path} is being written by another process") from error

    def read_all(self) -> bytes:
        return os.pread(self._fd, os.fstat(self._fd).st_size, 0)

    def append(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._fd, view) :]

    def sync(self) -> None:
        os.fdatasync(self._fd)

    def truncate(self, length: int) -> None:
        os.ftruncate(self._fd, length)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class RealDisk:
    def make_folder(self, path: Path) -> None:
        if path.is_dir():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=0o700, exist_ok=True)

    def open_append(self, path: Path) -> AppendFile:
        return RealAppendFile(path)

    def write_whole(self, path: Path, data: bytes, *, durable: bool) -> None:
        # Named after the process: two workers may store the same screenshot at once.
        draft = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(fd, "wb") as file:
                file.write(data)
                file.flush()
                if durable:
                    os.fsync(file.fileno())
            os.replace(draft, path)
        except OSError:
            draft.unlink(missing_ok=True)
            raise
        if durable:
            self._sync_folder(path.parent)

    def exists(self, path: Path) -> bool:
        return path.exists()

    def read(self, path: Path) -> bytes:
        return path.read_bytes()

    @staticmethod
    def _sync_folder(path: Path) -> None:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
