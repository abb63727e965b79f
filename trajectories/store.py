"""Run folders: a log, and screenshots filed under what they contain.

    run-<ulid>/            0700
      steps.log            see `trajectories.log`
      blobs/ab/<sha256>.png
      run.json             written once, the RUN record again for people and scripts

A screenshot that was seen twice is stored once. A new step is refused while
there is little space left, so that how the episode ended can still be written. What is
handed in is written behind the caller's back, in its order, and waited for at the
next sync: a screenshot reaches the disk while the network thinks about it.
"""

import hashlib
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from trajectories.behind import Behind
from trajectories.disk import Disk, RealDisk, network_filesystem
from trajectories.durable import make_folders, remove_drafts, write_whole
from trajectories.errors import BlobMissing, DiskFull, RunNotFound
from trajectories.log import LOG_NAME, Log, canonical
from trajectories.schema import Record, Run, to_plain

logger = logging.getLogger(__name__)

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
FREE_SPACE_FLOOR_BYTES = 64 * 2**20


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

    def __init__(
        self,
        folder: Path,
        *,
        durable: bool = True,
        disk: Disk | None = None,
        floor_bytes: int = FREE_SPACE_FLOOR_BYTES,
    ) -> None:
        """Open a folder made by `create`, after a crash too.

        Args:
            durable: False skips every sync: for bulk data that can be made again.
            floor_bytes: with less free space than this no screenshot is taken in.

        Raises:
            LogLocked: another process writes to it.
            LogDamaged: its log is damaged before the tail.
        """
        self.folder = folder
        self._durable = durable
        self._disk = disk or RealDisk()
        self._floor_bytes = floor_bytes
        # Without syncs there is nothing to wait for, and nothing is gained by a thread.
        self._behind = Behind() if durable else None
        self._stored: set[str] = set()
        self._shelves: set[Path] = set()
        self._log = Log(self._disk, folder, durable=durable)
        if self._log.num_records:
            self._clear_up()

    @classmethod
    def create(
        cls,
        parent: Path,
        *,
        policy: str,
        settings: dict[str, Any] | None = None,
        kind: str = "run",
        durable: bool = True,
        disk: Disk | None = None,
        floor_bytes: int = FREE_SPACE_FLOOR_BYTES,
    ) -> Self:
        """Make `parent/run-<ulid>` and write its RUN record.

        Args:
            kind: begins the folder's name; only "run" folders are found as runs.
            durable, disk, floor_bytes: as for opening.
        """
        if durable and disk is None and (kind_of_disk := network_filesystem(parent)) is not None:
            logger.warning(
                "%s is on %s: after a crash of its server acknowledged steps may be missing",
                parent,
                kind_of_disk,
            )
        disk = disk or RealDisk()
        run = Run(
            run_id=new_run_id(), policy=policy, started_at=time.time(), settings=settings or {}
        )
        folder = parent / f"{kind}-{run.run_id}"
        make_folders(disk, folder / "blobs", durable=durable)
        store = cls(folder, durable=durable, disk=disk, floor_bytes=floor_bytes)
        store.append(run, sync=True)
        plain = canonical(to_plain(run)[1]) + b"\n"
        write_whole(disk, folder / "run.json", plain, durable=durable)
        return store

    def append(self, record: Record, *, sync: bool = False) -> None:
        """Write a record behind what was handed in before it.

        Args:
            sync: return only when it, and all before it, would survive a power cut.

        Raises:
            OSError: of this or of anything handed in before; nothing more can be written.
        """
        self._do(lambda: self._log.append(record, sync=sync))
        if sync:
            self.flush()

    def sync(self) -> None:
        """Return when everything handed in would survive a power cut. Raises: as `append`."""
        self._do(self._log.sync)
        self.flush()

    def _do(self, work: Callable[[], object]) -> None:
        if self._behind is None:
            work()
        else:
            self._behind.add(work)

    def flush(self) -> None:
        """Return when everything handed in is in its file; a power cut may still take it.

        Raises: as `append`.
        """
        if self._behind is not None:
            self._behind.wait()

    def store_image(self, png: bytes) -> str:
        """Keep a PNG file, on disk before any record handed in later. Gives its SHA-256 in hex.

        Raises:
            DiskFull: little space is left. The log itself can still be written.
        """
        free = self._disk.free_bytes(self.folder)
        if free < self._floor_bytes:
            raise DiskFull(
                f"{free} bytes are free for {self.folder}; a step is taken with"
                f" {self._floor_bytes} or more"
            )
        digest = hashlib.sha256(png).hexdigest()
        if digest not in self._stored:
            self._stored.add(digest)
            self._do(lambda: self._write_image(digest, png))
        return digest

    def _write_image(self, digest: str, png: bytes) -> None:
        path = blob_path(self.folder, digest)
        if path.parent not in self._shelves:
            make_folders(self._disk, path.parent, durable=self._durable)
            self._shelves.add(path.parent)
        if not self._disk.exists(path):
            write_whole(self._disk, path, png, durable=self._durable)

    def _clear_up(self) -> None:
        """What an interrupted process left half done; nobody else writes here."""
        blobs = self.folder / "blobs"
        make_folders(self._disk, blobs, durable=self._durable)
        shelves = [blobs / name for name in self._disk.names(blobs)]
        for folder in (self.folder, *shelves):
            remove_drafts(self._disk, folder)
        if self._durable:
            # A name that is there may be in the page cache only, and would not be written again.
            for folder in (self.folder.parent, self.folder, blobs, *shelves):
                self._disk.sync_folder(folder)

    def close(self) -> None:
        """Write what is left. Safe to call twice. Raises: OSError."""
        try:
            if self._behind is not None:
                self._behind.close()
        finally:
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
    if (path / LOG_NAME).is_file():
        return [path]
    found = sorted(
        (log.parent for log in path.glob(f"**/run-*/{LOG_NAME}")), key=lambda folder: folder.name
    )
    if not found:
        raise RunNotFound(f"no run in {path}; expected a folder with {LOG_NAME}, or such folders")
    return found
