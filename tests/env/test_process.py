"""Folders of processes, and what is left of those that were killed."""

import os
import shutil
import subprocess
from pathlib import Path

from env.process import scratch_folder


def test_what_a_killed_process_left_is_removed_by_the_next_and_nothing_else(tmp_path: Path) -> None:
    ended = subprocess.Popen(("true",))
    ended.wait()
    mine = scratch_folder("test")
    dead = mine.with_name(f"moonhand-test-{ended.pid}-left")
    (dead / "inner").mkdir(parents=True)
    link = mine.with_name(f"moonhand-test-{ended.pid}-link")
    link.symlink_to(tmp_path)
    (tmp_path / "kept").touch()
    other = mine.with_name("moonhand-test-named-otherwise")
    other.mkdir()
    try:
        again = scratch_folder("test")
        assert mine.exists()
        assert f"-{os.getpid()}-" in again.name
        assert not dead.exists()
        assert (tmp_path / "kept").exists()
        assert other.exists()
    finally:
        link.unlink()
        for folder in (mine, again, other):
            shutil.rmtree(folder)
