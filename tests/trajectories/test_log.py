from pathlib import Path

import pytest

from trajectories.disk import AppendFile, RealDisk
from trajectories.errors import LogDamaged, LogLocked
from trajectories.log import Log, encode, records, scan
from trajectories.schema import EpisodeEnd, EpisodeStart, Note, Observation, Record, Run

RECORDS: list[Record] = [
    Run(run_id="01", policy="scripted", started_at=1.5, settings={"style": "nano"}),
    EpisodeStart(task="t", seed=3, instruction="Ünïcode ✓", width=4, height=3, started_at=2.0),
    Observation(
        step=1,
        image="ab" * 32,
        width=4,
        height=3,
        taken_at=2.25,
        capture_seconds=0.1,
        settle_seconds=0.0,
        settled=True,
    ),
    Note(step=1, kind="advice", text="MNHD is also what a record begins with"),
    EpisodeEnd(ending="DONE", score=None),
]


def write(folder: Path, written: list[Record] = RECORDS) -> bytes:
    log = Log(RealDisk(), folder)
    for record in written:
        log.append(record, sync=True)
    log.close()
    return (folder / "steps.log").read_bytes()


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    assert list(records(write(tmp_path))) == RECORDS


def test_a_log_cut_at_any_byte_gives_every_whole_record_and_goes_on(tmp_path: Path) -> None:
    data = write(tmp_path)
    ends = [raw.end for raw in scan(data)]
    for cut in range(len(data)):
        whole = sum(end <= cut for end in ends)
        assert list(records(data[:cut])) == RECORDS[:whole]
        folder = tmp_path / str(cut)
        folder.mkdir()
        (folder / "steps.log").write_bytes(data[:cut])
        log = Log(RealDisk(), folder, durable=False)
        assert log.num_records == whole
        log.append(RECORDS[-1])
        log.close()
        after = (folder / "steps.log").read_bytes()
        assert list(records(after)) == [*RECORDS[:whole], RECORDS[-1]]
        torn = data[ends[whole - 1] if whole else 0 : cut]
        if torn:
            assert (folder / "steps.torn").read_bytes() == torn


def test_a_changed_byte_before_the_record_that_closes_is_damage(tmp_path: Path) -> None:
    data = write(tmp_path)
    start_of_last = [raw.end for raw in scan(data)][-2]
    for at in range(start_of_last):
        changed = data[:at] + bytes([data[at] ^ 0x41]) + data[at + 1 :]
        with pytest.raises(LogDamaged):
            list(records(changed))


def test_a_changed_byte_in_the_record_that_closes_costs_nothing_and_shows(tmp_path: Path) -> None:
    data = write(tmp_path)
    start_of_last = [raw.end for raw in scan(data)][-2]
    for at in range(start_of_last, len(data)):
        changed = data[:at] + bytes([data[at] ^ 0x41]) + data[at + 1 :]
        assert list(records(changed)) == RECORDS
        assert [raw.end for raw in scan(changed)][-1] == start_of_last


def test_unsynced_records_may_be_lost_in_any_order(tmp_path: Path) -> None:
    """A sector of the first may be missing while the second is there: a tail, not damage."""
    log = Log(RealDisk(), tmp_path)
    log.append(RECORDS[0], sync=True)
    log.append(RECORDS[1])
    log.append(RECORDS[2])
    data = (tmp_path / "steps.log").read_bytes()
    ends = [raw.end for raw in scan(data)]
    torn = data[: ends[0]] + bytes(ends[1] - ends[0]) + data[ends[1] :]
    assert list(records(torn)) == RECORDS[:1]
    log.append(RECORDS[3], sync=True)
    log.append(RECORDS[4])
    data = (tmp_path / "steps.log").read_bytes()
    with pytest.raises(LogDamaged, match="after it was synced"):
        list(records(data[: ends[0]] + bytes(ends[1] - ends[0]) + data[ends[1] :]))
    log.close()


def test_a_record_of_a_newer_version_is_not_passed_over(tmp_path: Path) -> None:
    strange = encode(99, 0, bytes(32), b"{}", all_synced=True)  # type: ignore[arg-type]
    with pytest.raises(LogDamaged, match="does not fit its type"):
        list(records(strange))


def test_damage_is_not_opened_for_writing_and_not_changed(tmp_path: Path) -> None:
    data = bytearray(write(tmp_path))
    data[100] ^= 1
    (tmp_path / "steps.log").write_bytes(data)
    with pytest.raises(LogDamaged, match="after it was synced"):
        Log(RealDisk(), tmp_path)
    assert (tmp_path / "steps.log").read_bytes() == data


def test_a_removed_record_is_damage(tmp_path: Path) -> None:
    data = write(tmp_path)
    ends = [raw.end for raw in scan(data)]
    with pytest.raises(LogDamaged):
        list(records(data[: ends[1]] + data[ends[2] :]))


def test_a_record_put_in_from_another_log_is_damage(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    data = write(tmp_path)
    stranger = write(other, [RECORDS[0], EpisodeEnd(ending="FAILED"), *RECORDS[2:]])
    ends, strange = ([raw.end for raw in scan(log)] for log in (data, stranger))
    with pytest.raises(LogDamaged):
        list(records(data[: ends[0]] + stranger[strange[0] : strange[1]] + data[ends[1] :]))


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    log = Log(RealDisk(), tmp_path)
    with pytest.raises(LogLocked, match="another process"):
        Log(RealDisk(), tmp_path)
    log.close()
    Log(RealDisk(), tmp_path).close()


def test_a_number_that_json_cannot_say_is_refused(tmp_path: Path) -> None:
    log = Log(RealDisk(), tmp_path)
    with pytest.raises(ValueError, match="not JSON compliant"):
        log.append(EpisodeEnd(ending="DONE", seconds=float("nan")))
    log.close()
    assert (tmp_path / "steps.log").read_bytes() == b""


class FailingFile:
    """Takes half of what it is given, then has no space; syncs that are counted."""

    def __init__(self, file: AppendFile, fail: str) -> None:
        self.file = file
        self.fail = fail
        self.num_syncs = 0

    def append(self, data: bytes) -> None:
        if self.fail == "append":
            self.file.append(data[: len(data) // 2])
            raise OSError("no space left on device")
        self.file.append(data)

    def sync(self) -> None:
        self.num_syncs += 1
        if self.fail == "sync":
            raise OSError("input/output error")
        self.file.sync()

    def read_all(self) -> bytes:
        return self.file.read_all()

    def truncate(self, length: int) -> None:
        self.file.truncate(length)

    def close(self) -> None:
        self.file.close()


class FailingDisk(RealDisk):
    def __init__(self) -> None:
        self.file: FailingFile | None = None

    def open_append(self, path: Path) -> AppendFile:
        if path.suffix == ".tmp":
            return super().open_append(path)
        self.file = FailingFile(super().open_append(path), "")
        return self.file


@pytest.mark.parametrize("fail", ["append", "sync"])
def test_a_failing_disk_ends_the_log_without_half_a_record_or_a_second_try(
    tmp_path: Path, fail: str
) -> None:
    disk = FailingDisk()
    log = Log(disk, tmp_path)
    log.append(RECORDS[0], sync=True)
    assert disk.file is not None
    disk.file.fail = fail
    for _ in range(2):
        with pytest.raises(OSError, match=r"no space|input/output|failed before"):
            log.append(RECORDS[1], sync=True)
    log.close()
    assert disk.file.num_syncs == (2 if fail == "sync" else 1)
    assert list(records((tmp_path / "steps.log").read_bytes())) == RECORDS[:1]
