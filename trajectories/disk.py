"""The few things a run asks of a disk, so that a test can stand in for one that fails.

`RealDisk` is the disk itself. Every method raises `OSError` and repeats
nothing: after a failed fsync the kernel may have dropped the pages, and a
second one would say all is well. A file or folder is readable by its owner
only from the moment it is there, whatever the umask.

What survives a power cut: a file's bytes once `sync` returned, a name in a
folder once `sync_folder` of that folder returned. `trajectories.durable`
builds on these two.
"""

import fcntl
import os
import sys
from pathlib import Path
from typing import Protocol

import psutil

from trajectories.errors import LogLocked

_OVER_A_NETWORK = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "sshfs", "fuse.sshfs", "9p", "afs")


def network_filesystem(path: Path) -> str | None:
    """The kind of file system a folder is on, if it is one whose syncs cannot be relied on."""
    whole = path.resolve()
    mounts = [part for part in psutil.disk_partitions(all=True) if _holds(part.mountpoint, whole)]
    nearest = max(mounts, key=lambda part: len(part.mountpoint), default=None)
    return nearest.fstype if nearest is not None and nearest.fstype in _OVER_A_NETWORK else None


def _holds(mount: str, path: Path) -> bool:
    return path.is_relative_to(mount)


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
        """One new folder in one that is there. Raises `FileExistsError`."""

    def open_append(self, path: Path) -> AppendFile:
        """Made empty if it is not there. Raises `LogLocked` if another process holds it."""

    def rename(self, source: Path, target: Path) -> None:
        """Within a folder; whoever looks sees the old target or the new one."""

    def sync_folder(self, path: Path) -> None: ...
    def remove(self, path: Path) -> None: ...
    def exists(self, path: Path) -> bool: ...
    def names(self, path: Path) -> list[str]:
        """What is in a folder, sorted."""

    def read(self, path: Path) -> bytes: ...
    def free_bytes(self, path: Path) -> int:
        """That a file in this folder could still take."""


class RealAppendFile:
    def __init__(self, path: Path) -> None:
        # A link in place of the file would have us write where its maker wants.
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        self._fd = os.open(path, flags, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._fd)
            raise LogLocked(f"{path} is being written by another process") from error

    def read_all(self) -> bytes:
        size = os.fstat(self._fd).st_size
        pieces = []
        read = 0
        # One call gives at most 2 GiB.
        while read < size and (piece := os.pread(self._fd, size - read, read)):
            pieces.append(piece)
            read += len(piece)
        return b"".join(pieces)

    def append(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._fd, view) :]

    def sync(self) -> None:
        if sys.platform == "darwin":
            # There fsync leaves the data in the drive's own cache.
            fcntl.fcntl(self._fd, fcntl.F_FULLFSYNC)
        else:
            os.fdatasync(self._fd)

    def truncate(self, length: int) -> None:
        os.ftruncate(self._fd, length)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class RealDisk:
    def make_folder(self, path: Path) -> None:
        path.mkdir(mode=0o700)

    def open_append(self, path: Path) -> AppendFile:
        return RealAppendFile(path)

    def rename(self, source: Path, target: Path) -> None:
        source.rename(target)

    def sync_folder(self, path: Path) -> None:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def remove(self, path: Path) -> None:
        path.unlink()

    def exists(self, path: Path) -> bool:
        return path.exists()

    def names(self, path: Path) -> list[str]:
        return sorted(os.listdir(path))

    def read(self, path: Path) -> bytes:
        return path.read_bytes()

    def free_bytes(self, path: Path) -> int:
        state = os.statvfs(path)
        return state.f_bavail * state.f_frsize
