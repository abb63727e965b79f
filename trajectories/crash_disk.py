"""A disk in memory that loses what was not synced, as a real one may in a power cut.

What a crash may leave, after any call or in the middle of one:

* of a file, the bytes as of its last sync; of what was appended or cut since,
  any length, and every 512-byte sector either written or not (zeros, or what
  was there before);
* of a folder, the names as of its last sync, and any subset of what was made,
  renamed or removed since, each wholly or not at all.

This is what POSIX allows, more than ext4 does. `CrashDisk` also fails where it
is told to, with an `OSError` and half of the work done.
"""

import errno
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from trajectories.errors import LogLocked

SECTOR = 512


class PowerCut(BaseException):
    """The machine is gone. Not an `Exception`: nobody may catch it and go on."""


@dataclass(slots=True)
class _File:
    content: bytes = b""
    versions: list[bytes] = field(default_factory=lambda: [b""])
    """What it held at the last sync, and after every change since."""
    is_open: bool = False

    def change(self, content: bytes) -> None:
        self.content = content
        self.versions.append(content)

    def after_crash(self, chance: random.Random) -> bytes:
        if len(self.versions) == 1:
            return self.versions[0]
        lengths = [len(version) for version in self.versions]
        # Mostly a length that some call left, sometimes one in the middle of a call.
        length = chance.choice(lengths)
        if chance.random() < 0.3:
            length = chance.randint(min(lengths), max(lengths))
        synced = self.versions[0]
        unsure_from = min(lengths) // SECTOR * SECTOR
        kept = bytearray(synced[: min(unsure_from, length)])
        for start in range(len(kept), length, SECTOR):
            end = min(start + SECTOR, length)
            # Every version agrees on what was synced and never cut.
            choices = [version[start:end].ljust(end - start, b"\0") for version in self.versions]
            kept += chance.choice(choices)
        return bytes(kept)


@dataclass(slots=True)
class _Folder:
    names: dict[str, "_File | _Folder"] = field(default_factory=dict)
    synced: dict[str, "_File | _Folder"] = field(default_factory=dict)
    pending: list[dict[str, "_File | _Folder | None"]] = field(default_factory=list)
    """Changes since the last sync; a renaming is one of them, of two names."""

    def change(self, change: dict[str, "_File | _Folder | None"]) -> None:
        _apply(self.names, change)
        self.pending.append(change)

    def sync(self) -> None:
        self.synced = dict(self.names)
        self.pending.clear()

    def after_crash(self, chance: random.Random) -> "_Folder":
        names = dict(self.synced)
        share = chance.choice((0.0, 0.5, 0.9, 1.0))
        for change in self.pending:
            if chance.random() < share:
                _apply(names, change)
        left: dict[str, _File | _Folder] = {}
        for name, entry in names.items():
            if isinstance(entry, _Folder):
                left[name] = entry.after_crash(chance)
            else:
                content = entry.after_crash(chance)
                left[name] = _File(content, [content])
        return _Folder(dict(left), left)


def _apply(
    names: dict[str, "_File | _Folder"], change: dict[str, "_File | _Folder | None"]
) -> None:
    for name, entry in change.items():
        if entry is None:
            names.pop(name, None)
        else:
            names[name] = entry


@dataclass(slots=True)
class Trouble:
    """What goes wrong, and when."""

    at_call: int
    """Counted from 0 over the calls that change or sync something."""
    error: int | None = None
    """An errno; None: the power goes."""
    share: float = 0.0
    """Of the call's work that is done before; for a sync anything below 1 is nothing."""


class CrashDisk:
    """Fits `trajectories.disk.Disk`."""

    def __init__(self, trouble: Trouble | None = None, *, root: _Folder | None = None) -> None:
        self.trouble = trouble
        self.num_calls = 0
        self._root = root or _Folder()

    def after_crash(self, chance: random.Random, trouble: Trouble | None = None) -> "CrashDisk":
        """What the machine finds when it starts again; one of the many legal states."""
        return CrashDisk(trouble, root=self._root.after_crash(chance))

    def after_kill(self) -> "CrashDisk":
        """The process died, the machine did not: nothing is lost, nothing is synced."""
        disk = CrashDisk(root=self._root)
        disk._close_all(self._root)
        return disk

    def make_folder(self, path: Path) -> None:
        parent = self._folder(path.parent)
        if path.name in parent.names:
            raise FileExistsError(errno.EEXIST, "is there", str(path))
        self._do(lambda share: parent.change({path.name: _Folder()}) if share else None)

    def open_append(self, path: Path) -> "_OpenFile":
        parent = self._folder(path.parent)
        entry = parent.names.get(path.name)
        if entry is None:
            entry = _File()
            made = {path.name: entry}
            self._do(lambda share: parent.change({**made}) if share else None)
        assert isinstance(entry, _File), f"{path} is a folder"
        if entry.is_open:
            raise LogLocked(f"{path} is being written")
        entry.is_open = True
        return _OpenFile(self, entry)

    def rename(self, source: Path, target: Path) -> None:
        parent = self._folder(source.parent)
        entry = parent.names[source.name]
        change = {source.name: None, target.name: entry}
        self._do(lambda share: parent.change({**change}) if share else None)

    def sync_folder(self, path: Path) -> None:
        folder = self._folder(path)
        self._do(lambda share: folder.sync() if share == 1 else None)

    def remove(self, path: Path) -> None:
        parent = self._folder(path.parent)
        if path.name not in parent.names:
            raise FileNotFoundError(errno.ENOENT, "not there", str(path))
        self._do(lambda share: parent.change({path.name: None}) if share else None)

    def exists(self, path: Path) -> bool:
        try:
            return not path.name or path.name in self._folder(path.parent).names
        except FileNotFoundError:
            return False

    def names(self, path: Path) -> list[str]:
        return sorted(self._folder(path).names)

    def read(self, path: Path) -> bytes:
        entry = self._folder(path.parent).names.get(path.name)
        if not isinstance(entry, _File):
            raise FileNotFoundError(errno.ENOENT, "not there", str(path))
        return entry.content

    def free_bytes(self, path: Path) -> int:
        return 2**40

    def _folder(self, path: Path) -> _Folder:
        folder = self._root
        for part in path.parts[1:] if path.is_absolute() else path.parts:
            entry = folder.names.get(part)
            if not isinstance(entry, _Folder):
                raise FileNotFoundError(errno.ENOENT, "no folder", str(path))
            folder = entry
        return folder

    def _do(self, work: Callable[[float], None]) -> None:
        """One call: all of its work, or the trouble that was planned for it."""
        call, self.num_calls = self.num_calls, self.num_calls + 1
        trouble = self.trouble
        if trouble is None or call != trouble.at_call:
            work(1.0)
            return
        work(trouble.share)
        if trouble.error is None:
            raise PowerCut
        raise OSError(trouble.error, errno.errorcode[trouble.error])

    def _close_all(self, folder: _Folder) -> None:
        for entry in folder.names.values():
            if isinstance(entry, _Folder):
                self._close_all(entry)
            else:
                entry.is_open = False


class _OpenFile:
    def __init__(self, disk: CrashDisk, file: _File) -> None:
        self._disk = disk
        self._file = file

    def read_all(self) -> bytes:
        return self._file.content

    def append(self, data: bytes) -> None:
        file = self._file

        def write(share: float) -> None:
            file.change(file.content + data[: int(len(data) * share)])

        self._disk._do(write)

    def sync(self) -> None:
        file = self._file

        def settle(share: float) -> None:
            if share == 1:
                file.versions = [file.content]

        self._disk._do(settle)

    def truncate(self, length: int) -> None:
        file = self._file
        self._disk._do(lambda share: file.change(file.content[:length]) if share else None)

    def close(self) -> None:
        self._file.is_open = False
