"""`steps.log`: an append-only file of checked records, the only truth about a run.

One record, all numbers big-endian:

    magic      4 bytes   b"MNHD"
    version    1 byte    2
    type       1 byte    see `schema.RecordType`; the top bit: all before it was synced
    sequence   8 bytes   from 0, no gaps
    length     4 bytes   of the payload
    previous  32 bytes   SHA-256 of the whole record before; zeros for the first
    payload              canonical JSON (sorted keys, no spaces, ASCII)
    crc        4 bytes   CRC-32C of everything above

What was not synced, a power cut may drop, tear or let through in any order. So
a bad record is a torn tail as long as no later one says that all before it was
synced; it is moved to `steps.torn`, and the file goes on behind the last good
record. Else it is damage, and the log refuses to open. A log that was closed
ends with a record that says so, which makes damage of any of its bytes known.
Reading never changes the file. In logs of version 1 every record counts as
one that says so.
"""

import hashlib
import json
import logging
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import google_crc32c

from trajectories.disk import AppendFile, Disk
from trajectories.durable import write_whole
from trajectories.errors import LogDamaged
from trajectories.schema import Closed, Record, RecordType, from_json, to_plain

MAGIC = b"MNHD"
VERSION = 2
MAX_PAYLOAD_BYTES = 16 * 2**20
LOG_NAME = "steps.log"
TORN_NAME = "steps.torn"
_HEADER = struct.Struct(">4sBBQI32s")
_CRC = struct.Struct(">I")
_ALL_SYNCED = 0x80
_NO_HASH = bytes(32)

logger = logging.getLogger(__name__)


class Raw(NamedTuple):
    """A record that passed its checks."""

    kind: int
    """A `RecordType`, unless a newer version wrote it."""
    sequence: int
    payload: bytes
    digest: bytes
    """SHA-256 of the whole record; what the next one names as its previous."""
    end: int
    """Offset of the first byte after it."""
    all_synced: bool
    """Every record before it was on disk when it was written."""


class Log:
    """The writing end. After any `OSError` it is closed for good: the run stops there."""

    def __init__(self, disk: Disk, folder: Path, *, durable: bool = True) -> None:
        """Open or create the log of a run folder, cutting off a torn tail.

        Args:
            durable: False skips every sync: for bulk data that can be made again.

        Raises:
            LogLocked: another process writes to it.
            LogDamaged: a bad record before the tail.
        """
        self._durable = durable
        self._broken = False
        self._all_synced = True
        is_new = not disk.exists(folder / LOG_NAME)
        self._file: AppendFile = disk.open_append(folder / LOG_NAME)
        try:
            if is_new and durable:
                disk.sync_folder(folder)
            self._recover(disk, folder)
        except BaseException:
            self._file.close()
            raise

    def _recover(self, disk: Disk, folder: Path) -> None:
        data = self._file.read_all()
        self._sequence, self._previous, self._end = 0, _NO_HASH, 0
        for raw in scan(data):
            self._sequence, self._previous, self._end = raw.sequence + 1, raw.digest, raw.end
        if self._end < len(data):
            torn = data[self._end :]
            logger.warning(
                "%s: %d bytes after record %d were torn, kept as %s",
                folder / LOG_NAME,
                len(torn),
                self._sequence,
                _keep_torn(disk, folder, torn, durable=self._durable).name,
            )
            self._file.truncate(self._end)
        if data and self._durable:
            # What was read may still be in the page cache only.
            self._file.sync()

    @property
    def num_records(self) -> int:
        return self._sequence

    def append(self, record: Record, *, sync: bool = False) -> None:
        """Write one record.

        Args:
            sync: return only when it, and all before it, would survive a power cut.

        Raises:
            OSError: it may not be on disk; nothing more can be written through this log.
        """
        if self._broken:
            raise OSError("this log failed before; open the run again to go on")
        kind, plain = to_plain(record)
        whole = encode(
            kind,
            self._sequence,
            self._previous,
            canonical(plain),
            # A log that never syncs has no tail that could be told from damage.
            all_synced=self._all_synced or not self._durable,
        )
        try:
            self._file.append(whole)
            if sync and self._durable:
                self._file.sync()
        except BaseException as error:
            # Whatever it was: how much of the record is in the file is not known any more.
            self._broken = True
            if isinstance(error, OSError):
                self._cut_back()
            raise
        self._all_synced = sync
        self._sequence += 1
        self._previous = hashlib.sha256(whole).digest()
        self._end += len(whole)

    def sync(self) -> None:
        """Return when every record so far would survive a power cut. Raises: as `append`."""
        if self._broken:
            raise OSError("this log failed before; open the run again to go on")
        if self._durable and not self._all_synced:
            try:
                self._file.sync()
            except OSError:
                self._broken = True
                raise
        self._all_synced = True

    def close(self) -> None:
        """Sync what is left and say so in the file. Safe to call twice."""
        try:
            if not self._broken and self._sequence:
                self.sync()
                self.append(Closed())
        finally:
            self._broken = True
            self._file.close()

    def _cut_back(self) -> None:
        """Leave no half record behind if the disk still lets us; opening would cut it anyway."""
        with suppress(OSError):
            self._file.truncate(self._end)


def _keep_torn(disk: Disk, folder: Path, torn: bytes, *, durable: bool) -> Path:
    """Under a name of its own, unless an interrupted recovery kept the same bytes already."""
    path, count = folder / TORN_NAME, 1
    while disk.exists(path):
        if disk.read(path) == torn:
            return path
        count += 1
        path = folder / f"{TORN_NAME}.{count}"
    write_whole(disk, path, torn, durable=durable)
    return path


def canonical(plain: dict[str, object]) -> bytes:
    """JSON in one spelling only; refuses NaN, which JSON cannot say."""
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode("ascii")


def encode(
    kind: RecordType, sequence: int, previous: bytes, payload: bytes, *, all_synced: bool
) -> bytes:
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise ValueError(f"a record of {len(payload)} bytes; expected at most {MAX_PAYLOAD_BYTES}")
    marked = kind | _ALL_SYNCED if all_synced else kind
    body = _HEADER.pack(MAGIC, VERSION, marked, sequence, len(payload), previous) + payload
    return body + _CRC.pack(google_crc32c.value(body))


def scan(data: bytes) -> Iterator[Raw]:
    """The good records from the start; stops at a torn tail.

    Raises:
        LogDamaged: a bad record that is not the tail.
    """
    offset, sequence, previous = 0, 0, _NO_HASH
    while offset < len(data):
        raw = record_at(data, offset)
        if raw is None:
            _refuse_damage(data, offset, sequence)
            return
        if raw.sequence != sequence or _previous_at(data, offset) != previous:
            raise LogDamaged(
                f"record {raw.sequence} at byte {offset} does not follow on the one before it;"
                f" expected record {sequence}: something was taken out or put in"
            )
        yield raw
        offset, sequence, previous = raw.end, sequence + 1, raw.digest


def records(data: bytes) -> Iterator[Record]:
    """The records of a log file, as values; not those that only say it was closed.

    Raises:
        LogDamaged: a bad record that is not the tail, or a payload that is not its type's.
    """
    for raw in scan(data):
        record = value_of(raw)
        if not isinstance(record, Closed):
            yield record


def value_of(raw: Raw) -> Record:
    """Raises: LogDamaged: a type of a newer version, or a payload that is not its type's."""
    try:
        return from_json(RecordType(raw.kind), raw.payload)
    except ValueError as error:
        raise LogDamaged(f"record {raw.sequence} does not fit its type: {error}") from error


def record_at(data: bytes, offset: int) -> Raw | None:
    """The record that begins there, if it passes its own checks; its chain is not looked at."""
    if offset + _HEADER.size + _CRC.size > len(data):
        return None
    magic, version, kind, sequence, length, _ = _HEADER.unpack_from(data, offset)
    end = offset + _HEADER.size + length + _CRC.size
    if magic != MAGIC or version not in (1, VERSION) or length > MAX_PAYLOAD_BYTES:
        return None
    if end > len(data):
        return None
    whole = data[offset:end]
    if google_crc32c.value(whole[: -_CRC.size]) != _CRC.unpack(whole[-_CRC.size :])[0]:
        return None
    return Raw(
        kind & ~_ALL_SYNCED,
        sequence,
        whole[_HEADER.size : -_CRC.size],
        hashlib.sha256(whole).digest(),
        end,
        all_synced=version == 1 or bool(kind & _ALL_SYNCED),
    )


def good_records_after(data: bytes, offset: int) -> Iterator[tuple[int, Raw]]:
    """Whatever looks like a good record from there on, with its offset; overlaps not excluded."""
    candidate = data.find(MAGIC, offset)
    while candidate >= 0:
        raw = record_at(data, candidate)
        if raw is not None:
            yield candidate, raw
        candidate = data.find(MAGIC, candidate + 1)


def _previous_at(data: bytes, offset: int) -> bytes:
    previous: bytes = _HEADER.unpack_from(data, offset)[5]
    return previous


def _refuse_damage(data: bytes, offset: int, sequence: int) -> None:
    """Tell a torn tail from damage: after a tail nothing can say that all before was synced."""
    for candidate, raw in good_records_after(data, offset):
        if raw.all_synced and raw.sequence > sequence:
            raise LogDamaged(
                f"record {sequence} at byte {offset} is bad and a good one that was written"
                f" after it was synced follows at byte {candidate}; the log was changed or its"
                f" disk lost data"
            )
