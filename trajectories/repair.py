"""What state a run folder is in, and how a damaged one is made readable again.

A repair throws nothing away: the log as it was stays beside the new one, which
holds the good beginning, a GAP record, and every whole episode after the damage.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trajectories.disk import Disk, RealDisk
from trajectories.durable import write_whole
from trajectories.errors import BlobMissing, LogDamaged, RunNotBegun
from trajectories.log import (
    LOG_NAME,
    Log,
    Raw,
    canonical,
    encode,
    good_records_after,
    record_at,
    scan,
    value_of,
)
from trajectories.schema import Gap, Observation, Record, RecordType, Run, from_json, to_plain
from trajectories.store import read_blob

DAMAGED_NAME = "steps.damaged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Of a run folder, seen without changing it."""

    folder: Path
    num_records: int
    """Good ones from the start."""
    closed: bool
    """The last one says that the writer ended in good order; else it died, or still writes."""
    torn_bytes: int
    """After the last good record; no acknowledged step is in them unless the file was changed."""
    damage: str
    """What is wrong before the tail; empty if nothing is."""
    bad_screenshots: tuple[str, ...]
    """Named by the log and missing, or not what their name says."""

    @property
    def sound(self) -> bool:
        return not (self.torn_bytes or self.damage or self.bad_screenshots)

    def in_words(self) -> str:
        """One line."""
        told = [f"{self.num_records} records", "closed" if self.closed else "not closed"]
        if self.torn_bytes:
            told.append(f"{self.torn_bytes} bytes of a torn tail")
        if self.damage:
            told.append(f"DAMAGED: {self.damage}")
        if self.bad_screenshots:
            told.append(f"{len(self.bad_screenshots)} screenshots missing or changed")
        return f"{self.folder}: {', '.join(told)}"


def check(folder: Path) -> Condition:
    """Every record and every screenshot of a run, looked at.

    Raises:
        OSError: the log cannot be read.
    """
    data = (folder / LOG_NAME).read_bytes()
    good, damage = _good_beginning(data)
    images: dict[str, None] = {}
    for raw in good:
        try:
            record = value_of(raw)
        except LogDamaged as error:
            damage = damage or str(error)
            continue
        if isinstance(record, Observation):
            images[record.image] = None
    end = good[-1].end if good else 0
    return Condition(
        folder=folder,
        num_records=len(good),
        closed=bool(good) and good[-1].kind == RecordType.CLOSED,
        torn_bytes=0 if damage else len(data) - end,
        damage=damage,
        bad_screenshots=tuple(name for name in images if not _is_there(folder, name)),
    )


def repair(folder: Path, disk: Disk | None = None) -> list[str]:
    """Make the log of a run one that opens. Gives what was done, in words; nothing if nothing.

    Raises:
        LogLocked: somebody writes to it.
        RunNotBegun: neither the log nor `run.json` says whose run it is.
    """
    disk = disk or RealDisk()
    done = []
    lock = disk.open_append(folder / LOG_NAME)
    try:
        data = lock.read_all()
        good, damage = _good_beginning(data)
        if damage:
            kept = _keep_aside(disk, folder, data)
            whole, num_records = _rebuilt(folder, data, good, kept.name)
            write_whole(disk, folder / LOG_NAME, whole, durable=True)
            done.append(f"{damage}: {num_records} records kept, the old log is {kept.name}")
        elif good and good[-1].end < len(data):
            done.append(f"{len(data) - good[-1].end} torn bytes put aside")
    finally:
        lock.close()
    Log(disk, folder).close()
    return done


def _good_beginning(data: bytes) -> tuple[list[Raw], str]:
    good: list[Raw] = []
    try:
        for raw in scan(data):
            good.append(raw)
    except LogDamaged as error:
        return good, str(error)
    return good, ""


def _is_there(folder: Path, name: str) -> bool:
    try:
        read_blob(folder, name)
    except BlobMissing:
        return False
    return True


def _keep_aside(disk: Disk, folder: Path, data: bytes) -> Path:
    path, count = folder / DAMAGED_NAME, 1
    while disk.exists(path) and disk.read(path) != data:
        count += 1
        path = folder / f"{DAMAGED_NAME}.{count}"
    write_whole(disk, path, data, durable=True)
    return path


def _rebuilt(folder: Path, data: bytes, good: list[Raw], kept: str) -> tuple[bytes, int]:
    """The log anew, and how many records of the old one are in it."""
    pieces: list[bytes] = []
    previous = bytes(32)

    def add(kind: RecordType, payload: bytes) -> None:
        nonlocal previous
        whole = encode(kind, len(pieces), previous, payload, all_synced=True)
        raw = record_at(whole, 0)
        assert raw is not None, "what was just encoded is a good record"
        previous = raw.digest
        pieces.append(whole)

    def add_record(record: Record) -> None:
        kind, plain = to_plain(record)
        add(kind, canonical(plain))

    if not good:
        add_record(_run_from_json(folder))
    for raw in good:
        add(RecordType(raw.kind), raw.payload)
    end = good[-1].end if good else 0
    num_added = len(good)
    for lost_bytes, episode in _whole_stretches(data, end):
        add_record(Gap(lost_bytes=lost_bytes, damaged_file=kept))
        for raw in episode:
            add(RecordType(raw.kind), raw.payload)
        num_added += len(episode)
    return b"".join(pieces), num_added


def _whole_stretches(data: bytes, offset: int) -> Iterator[tuple[int, list[Raw]]]:
    """After the damage: unbroken chains that begin with an episode, and the bytes before each."""
    while offset < len(data):
        starts = (
            (at, raw)
            for at, raw in good_records_after(data, offset)
            if raw.kind == RecordType.EPISODE
        )
        at, raw = next(starts, (len(data), None))
        lost_bytes = at - offset
        stretch: list[Raw] = []
        while raw is not None and (not stretch or raw.sequence == stretch[-1].sequence + 1):
            stretch.append(raw)
            raw = record_at(data, raw.end)
        yield lost_bytes, stretch
        offset = stretch[-1].end if stretch else len(data)


def _run_from_json(folder: Path) -> Run:
    """The first record, as it was written a second time."""
    try:
        record = from_json(RecordType.RUN, (folder / "run.json").read_bytes())
    except (OSError, ValueError) as error:
        raise RunNotBegun(
            f"{folder}: neither {LOG_NAME} nor run.json says whose run this is"
        ) from error
    assert isinstance(record, Run)
    return record
