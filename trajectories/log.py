"""`steps.log`: an append-only file of checked records, the only truth about a run.

One record, all numbers big-endian:

    magic      4 bytes   b"MNHD"
    version    1 byte    1
    type       1 byte    see `schema.RecordType`
    sequence   8 bytes   from 0, no gaps
    length     4 bytes   of the payload
    previous  32 bytes   SHA-256 of the whole record before; zeros for the first
    payload              canonical JSON (sorted keys, no spaces, ASCII)
    crc        4 bytes   CRC-32C of everything above

Opened after a crash, a torn tail is moved to `steps.torn` and the file goes on
behind the last good record. A bad record with a good one anywhere after it is
damage and refuses to open. Reading never changes the file.
"""

import hashlib
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import google_crc32c

from trajectories.disk import AppendFile, Disk
from trajectories.errors import LogDamaged
from trajectories.schema import Record, RecordType, from_json, to_plain

MAGIC = b"MNHD"
VERSION = 1
MAX_PAYLOAD_BYTES = 16 * 2**20
_HEADER = struct.Struct(">4sBBQI32s")
_CRC = struct.Struct(">I")
_NO_HASH = bytes(32)


class Raw(NamedTuple):
    """A record that passed its checks."""

    kind: RecordType
    sequence: int
    payload: bytes
    digest: bytes
    """SHA-256 of the whole record; what the next one names as its previous."""
    end: int
    """Offset of the first byte after it."""


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
        self._file: AppendFile = disk.open_append(folder / "steps.log")
        try:
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
            disk.write_whole(folder / "steps.torn", data[self._end :], durable=self._durable)
            self._file.truncate(self._end)
            if self._durable:
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
        whole = encode(kind, self._sequence, self._previous, canonical(plain))
        try:
            self._file.append(whole)
            if sync and self._durable:
                self._file.sync()
        except OSError:
            self._broken = True
            self._cut_back()
            raise
        self._sequence += 1
        self._previous = hashlib.sha256(whole).digest()
        self._end += len(whole)

    def close(self) -> None:
        if not self._broken and self._durable:
            self._file.sync()
        self._file.close()

    def _cut_back(self) -> None:
        """Leave no half record behind if the disk still lets us; opening would cut it anyway."""
        try:
            self._file.truncate(self._end)
        except OSError:
            return


def canonical(plain: dict[str, object]) -> bytes:
    """JSON in one spelling only; refuses NaN, which JSON cannot say."""
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode("ascii")


def encode(kind: RecordType, sequence: int, previous: bytes, payload: bytes) -> bytes:
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise ValueError(f"a record of {len(payload)} bytes; expected at most {MAX_PAYLOAD_BYTES}")
    body = _HEADER.pack(MAGIC, VERSION, kind, sequence, len(payload), previous) + payload
    return body + _CRC.pack(google_crc32c.value(body))


def scan(data: bytes) -> Iterator[Raw]:
    """The good records from the start; stops at a torn tail.

    Raises:
        LogDamaged: a bad record that is not the tail.
    """
    offset, sequence, previous = 0, 0, _NO_HASH
    while offset < len(data):
        raw = _record_at(data, offset)
        if raw is None or raw.sequence != sequence or _previous_at(data, offset) != previous:
            _refuse_damage(data, offset, sequence)
            return
        yield raw
        offset, sequence, previous = raw.end, sequence + 1, raw.digest


def records(data: bytes) -> Iterator[Record]:
    """The records of a log file, as values.

    Raises:
        LogDamaged: a bad record that is not the tail, or a payload that is not its type's.
    """
    for raw in scan(data):
        try:
            yield from_json(raw.kind, raw.payload)
        except ValueError as error:
            raise LogDamaged(f"record {raw.sequence} does not fit its type: {error}") from error


def _record_at(data: bytes, offset: int) -> Raw | None:
    if offset + _HEADER.size + _CRC.size > len(data):
        return None
    magic, version, kind, sequence, length, _ = _HEADER.unpack_from(data, offset)
    end = offset + _HEADER.size + length + _CRC.size
    if magic != MAGIC or version != VERSION or length > MAX_PAYLOAD_BYTES or end > len(data):
        return None
    whole = data[offset:end]
    if google_crc32c.value(whole[: -_CRC.size]) != _CRC.unpack(whole[-_CRC.size :])[0]:
        return None
    payload = whole[_HEADER.size : -_CRC.size]
    return Raw(RecordType(kind), sequence, payload, hashlib.sha256(whole).digest(), end)


def _previous_at(data: bytes, offset: int) -> bytes:
    previous: bytes = _HEADER.unpack_from(data, offset)[5]
    return previous


def _refuse_damage(data: bytes, offset: int, sequence: int) -> None:
    """Tell a torn tail from damage: after a tail nothing good can follow."""
    candidate = data.find(MAGIC, offset)
    while candidate >= 0:
        if _record_at(data, candidate) is not None:
            raise LogDamaged(
                f"record {sequence} at byte {offset} is bad and a good one follows at byte"
                f" {candidate}; the log was changed or its disk lost data"
            )
        candidate = data.find(MAGIC, candidate + 1)
