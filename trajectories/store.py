"""Run folders: a log, and screenshots filed under what they contain.

    run-<ulid>/            0700
      steps.log            see `trajectories.log`
      blobs/ab/<sha256>.png
      run.json             written once, the RUN record again for people and scripts

A screenshot that was seen twice is stored once.
"""

import hashlib
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from trajectories.disk import Disk, RealDisk
from trajectories.errors import BlobMissing, RunNotFound
from trajectories.log import Log, canonical
from trajectories.schema import Record, Run, to_plain

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_run_id(now: float | None = None) -> str:
    """A ULID: 26 characters that sort by the millisecond they were made in.

    >>> new_run_id(0.0)[:10]
    '0000000000'
    """
    milliseconds = int((time.time() if now is None else now) * 1000)
    number = milliseconds << 80 | int.from_bytes(os.urandom(10))
    return "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))


class RunStore:
    """The writing end of a run folder. One process, closed by who opened it."""

    def __init__(self, folder: Path, *, durable: bool = True, disk: Disk | None = None) -> None:
        """Open a folder made by `create`, after a crash too.

        Args:
            durable: False skips every sync: for bulk data that can be made again.
        """
        self.folder = folder
        self._durable = durable
        self._disk = disk or RealDisk()
        self._stored: set[str] = set()
        self._log = Log(self._disk, folder, durable=durable)

    @classmethod
    def create(
        cls,
        parent: Path,
        *,
        policy: str,
        settings: dict[str, Any] | None = None,
        durable: bool = True,
        disk: Disk | None = None,
    ) -> Self:
        """Make `parent/run-<ulid>` and write its RUN record."""
        disk = disk or RealDisk()
        run = Run(
            run_id=new_run_id(), policy=policy, started_at=time.time(), settings=settings or {}
        )
        folder = parent / f"run-{run.run_id}"
        disk.make_folder(folder)
        disk.make_folder(folder / "blobs")
        store = cls(folder, durable=durable, disk=disk)
        store.append(run, sync=True)
        disk.write_whole(folder / "run.json", canonical(to_plain(run)[1]) + b"\n", durable=durable)
        return store

    def append(self, record: Record, *, sync: bool = False) -> None:
        """See `Log.append`."""
        self._log.append(record, sync=sync)

    def store_image(self, png: bytes) -> str:
        """Keep a PNG file; durable before this returns. Gives its SHA-256 in hex."""
        digest = hashlib.sha256(png).hexdigest()
        if digest not in self._stored:
            path = blob_path(self.folder, digest)
            if not self._disk.exists(path):
                self._disk.make_folder(path.parent)
                self._disk.write_whole(path, png, durable=self._durable)
            self._stored.add(digest)
        return digest

    def close(self) -> None:
        self._log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def blob_path(folder: Path, digest: str) -> Path:
    return folder / "blobs" / digest[:2] / f"{digest}.png"


def read_blob(folder: Path, digest: str) -> bytes:
    """A stored screenshot's PNG file, checked against its name.

    Raises:
        BlobMissing: it is not there, or its bytes are others.
    """
    path = blob_path(folder, digest)
    try:
        png = path.read_bytes()
    except FileNotFoundError as error:
        raise BlobMissing(f"no screenshot {path}") from error
    if hashlib.sha256(png).hexdigest() != digest:
        raise BlobMissing(f"{path} is not the screenshot its name says")
    return png


def find_runs(path: Path) -> list[Path]:
    """Run folders at or below a path, oldest first.

    Raises:
        RunNotFound: there is none.
    """
    if (path / "steps.log").is_file():
        return [path]
    found = sorted(
        (log.parent for log in path.glob("**/run-*/steps.log")), key=lambda folder: folder.name
    )
    if not found:
        raise RunNotFound(f"no run in {path}; expected a folder with steps.log, or folders of them")
    return found
