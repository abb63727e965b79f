from pathlib import Path

import pytest

from trajectories.errors import LogDamaged, LogLocked, RunNotBegun
from trajectories.log import LOG_NAME, scan
from trajectories.reading import read_run
from trajectories.repair import check, repair
from trajectories.schema import EpisodeEnd, EpisodeStart, Intent, Observation
from trajectories.store import RunStore, blob_path


def run_of(tmp_path: Path, num_episodes: int = 3) -> Path:
    with RunStore.create(tmp_path, policy="scripted") as store:
        for number in range(num_episodes):
            store.append(
                EpisodeStart(
                    task=f"task {number}", instruction="Go.", width=4, height=3, started_at=0.0
                )
            )
            store.append(
                Observation(
                    step=1,
                    image=store.store_image(b"screen %d" % number),
                    width=4,
                    height=3,
                    taken_at=0.0,
                    capture_seconds=0.0,
                    settle_seconds=0.0,
                    settled=True,
                )
            )
            store.append(Intent(step=1, response="r", thought="", sentence=""), sync=True)
            store.append(EpisodeEnd(ending="DONE", score=1.0), sync=True)
    return store.folder


def damage(folder: Path, record: int) -> None:
    """A bit of the middle of a record."""
    data = bytearray((folder / LOG_NAME).read_bytes())
    ends = [0, *(raw.end for raw in scan(bytes(data)))]
    data[(ends[record] + ends[record + 1]) // 2] ^= 4
    (folder / LOG_NAME).write_bytes(data)


def tasks(folder: Path) -> list[str]:
    return [episode.start.task for episode in read_run(folder).episodes]


def test_a_run_in_order_is_said_to_be(tmp_path: Path) -> None:
    folder = run_of(tmp_path)
    condition = check(folder)
    assert condition.sound
    assert condition.closed
    assert "14 records, closed" in condition.in_words()
    assert repair(folder) == []


def test_a_torn_tail_is_told_and_put_aside(tmp_path: Path) -> None:
    folder = run_of(tmp_path)
    with (folder / LOG_NAME).open("ab") as log:
        log.write(b"MNHD half")
    assert check(folder).torn_bytes == 9
    assert repair(folder) == ["9 torn bytes put aside"]
    assert (folder / "steps.torn").read_bytes() == b"MNHD half"
    assert check(folder).sound


def test_after_damage_the_whole_episodes_are_kept_and_the_old_log_too(tmp_path: Path) -> None:
    folder = run_of(tmp_path)
    before = (folder / LOG_NAME).read_bytes()
    # The intent of the second episode: run, four of the first, start and observation.
    damage(folder, 1 + 4 + 2)
    damaged = (folder / LOG_NAME).read_bytes()
    with pytest.raises(LogDamaged):
        read_run(folder)
    assert "DAMAGED" in check(folder).in_words()
    (told,) = repair(folder)
    assert "steps.damaged" in told
    assert (folder / "steps.damaged").read_bytes() == damaged != before
    assert tasks(folder) == ["task 0", "task 1", "task 2"]
    first, second, third = read_run(folder).episodes
    assert (first.damaged, second.damaged, third.damaged) == (False, True, False)
    assert (first.success, second.success, third.success) == (True, False, True)
    assert check(folder).sound


def test_an_episode_whose_beginning_is_damaged_is_left_out(tmp_path: Path) -> None:
    folder = run_of(tmp_path)
    damage(folder, 1 + 4)
    repair(folder)
    assert tasks(folder) == ["task 0", "task 2"]


def test_a_damaged_first_record_is_taken_from_its_copy(tmp_path: Path) -> None:
    folder = run_of(tmp_path)
    damage(folder, 0)
    repair(folder)
    assert tasks(folder) == ["task 0", "task 1", "task 2"]
    assert read_run(folder).run.policy == "scripted"
    damage(folder, 0)
    (folder / "run.json").unlink()
    with pytest.raises(RunNotBegun, match="whose run"):
        repair(folder)


def test_a_repaired_log_is_written_on(tmp_path: Path) -> None:
    folder = run_of(tmp_path)
    damage(folder, 6)
    repair(folder)
    with RunStore(folder) as store:
        store.append(EpisodeStart(task="new", instruction="Go.", width=4, height=3, started_at=0.0))
    assert tasks(folder)[-1] == "new"


def test_a_log_that_is_being_written_is_not_repaired(tmp_path: Path) -> None:
    with RunStore.create(tmp_path, policy="scripted") as store, pytest.raises(LogLocked):
        repair(store.folder)


def test_screenshots_that_are_gone_or_changed_are_named(tmp_path: Path) -> None:
    folder = run_of(tmp_path)
    images = [episode.steps[0].observation.image for episode in read_run(folder).episodes]
    blob_path(folder, images[0]).unlink()
    blob_path(folder, images[1]).write_bytes(b"another")
    assert check(folder).bad_screenshots == (images[0], images[1])
