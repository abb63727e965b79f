import os
import resource
import stat
from pathlib import Path
from types import SimpleNamespace

import pytest

from trajectories.disk import RealDisk, network_filesystem
from trajectories.durable import make_folders, remove_drafts, write_whole
from trajectories.store import RunStore


def modes(root: Path) -> dict[str, int]:
    return {
        str(path.relative_to(root)): stat.S_IMODE(path.stat().st_mode) for path in root.rglob("*")
    }


def test_nothing_is_for_others_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with RunStore.create(tmp_path / "deep" / "runs", policy="scripted") as store:
            store.store_image(b"a picture")
    finally:
        os.umask(before)
    for name, mode in modes(tmp_path).items():
        wanted = 0o700 if (tmp_path / name).is_dir() else 0o600
        assert mode == wanted, f"{name} has mode {mode:o}"


def test_a_link_in_place_of_a_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("mine")
    (tmp_path / "steps.log").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        RealDisk().open_append(tmp_path / "steps.log")
    assert (tmp_path / "elsewhere").read_text() == "mine"


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    disk = RealDisk()
    write_whole(disk, tmp_path / "a", b"one", durable=True)
    write_whole(disk, tmp_path / "a", b"two", durable=True)
    assert (tmp_path / "a").read_bytes() == b"two"
    assert disk.names(tmp_path) == ["a"]


def test_what_a_crash_left_half_written_is_removed(tmp_path: Path) -> None:
    (tmp_path / "a.tmp").write_bytes(b"half")
    (tmp_path / "b").write_bytes(b"whole")
    assert remove_drafts(RealDisk(), tmp_path) == 1
    assert RealDisk().names(tmp_path) == ["b"]


def test_folders_are_made_to_any_depth_and_again(tmp_path: Path) -> None:
    for _ in range(2):
        make_folders(RealDisk(), tmp_path / "a" / "b" / "c", durable=True)
    assert (tmp_path / "a" / "b" / "c").is_dir()


def test_a_write_the_kernel_cuts_short_is_an_error_and_leaves_no_half_file(tmp_path: Path) -> None:
    """The limit on file sizes makes write() take less than it was given, then refuse."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
            try:
                write_whole(RealDisk(), tmp_path / "a", bytes(5000), durable=False)
            except OSError:
                code = 0 if os.listdir(tmp_path) == [] else 3
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0


def test_a_network_file_system_is_known_by_the_nearest_mount(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mounts(all: bool) -> list[SimpleNamespace]:
        return [
            SimpleNamespace(mountpoint="/", fstype="ext4"),
            SimpleNamespace(mountpoint=str(tmp_path), fstype="nfs4"),
            SimpleNamespace(mountpoint=str(tmp_path / "local"), fstype="xfs"),
        ]

    monkeypatch.setattr("psutil.disk_partitions", mounts)
    assert network_filesystem(tmp_path / "runs") == "nfs4"
    assert network_filesystem(tmp_path / "local" / "runs") is None
    assert network_filesystem(Path("/elsewhere")) is None
