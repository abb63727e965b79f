import errno
import random
from pathlib import Path

import pytest

from trajectories.crash_disk import SECTOR, CrashDisk, PowerCut, Trouble

FILE = Path("/a")


def states(disk: CrashDisk, number: int = 200) -> set[bytes | None]:
    chance = random.Random(0)
    found: set[bytes | None] = set()
    for _ in range(number):
        left = disk.after_crash(chance)
        found.add(left.read(FILE) if left.exists(FILE) else None)
    return found


def test_a_file_nobody_synced_may_be_gone_or_empty_or_whole() -> None:
    disk = CrashDisk()
    disk.open_append(FILE).append(b"data")
    assert {None, b"", b"data"} <= states(disk)


def test_a_synced_file_without_its_name_may_be_gone_but_is_never_torn() -> None:
    disk = CrashDisk()
    file = disk.open_append(FILE)
    file.append(b"data")
    file.sync()
    assert states(disk) == {None, b"data"}
    disk.sync_folder(FILE.parent)
    assert states(disk) == {b"data"}


def test_unsynced_sectors_are_written_in_any_order() -> None:
    disk = CrashDisk()
    file = disk.open_append(FILE)
    disk.sync_folder(FILE.parent)
    file.append(b"a" * SECTOR)
    file.append(b"b" * SECTOR)
    assert bytes(SECTOR) + b"b" * SECTOR in states(disk)


def test_a_renaming_happens_wholly_or_not_at_all() -> None:
    disk = CrashDisk()
    for name, data in (("a", b"old"), ("a.tmp", b"new")):
        file = disk.open_append(Path("/") / name)
        file.append(data)
        file.sync()
        file.close()
    disk.sync_folder(Path("/"))
    disk.rename(Path("/a.tmp"), FILE)
    assert states(disk) == {b"old", b"new"}


def test_the_power_goes_at_the_call_it_is_told_to() -> None:
    disk = CrashDisk(Trouble(1, None, 0.5))
    file = disk.open_append(FILE)
    with pytest.raises(PowerCut):
        file.append(b"data")
    assert disk.after_kill().read(FILE) == b"da"


def test_a_call_fails_with_the_error_it_is_told_to() -> None:
    disk = CrashDisk(Trouble(1, errno.ENOSPC))
    file = disk.open_append(FILE)
    with pytest.raises(OSError, match="ENOSPC"):
        file.append(b"data")
    file.append(b"more")
    assert file.read_all() == b"more"
