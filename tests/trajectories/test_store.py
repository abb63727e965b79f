import json
import stat
from pathlib import Path

import pytest

from trajectories.errors import BlobMissing, LogDamaged, RunNotFound
from trajectories.reading import read_run
from trajectories.schema import EpisodeStart, Intent, Observation
from trajectories.store import RunStore, blob_path, find_runs, new_run_id, read_blob

PNG = b"not really a picture"


def test_a_run_folder_is_for_its_owner_only(tmp_path: Path) -> None:
    with RunStore.create(tmp_path, policy="scripted", settings={"a": 1}) as store:
        assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((store.folder / "steps.log").stat().st_mode) == 0o600
    run = json.loads((store.folder / "run.json").read_text())
    assert store.folder.name == f"run-{run['run_id']}"
    assert read_run(store.folder).run.settings == {"a": 1}


def test_run_ids_sort_by_time() -> None:
    ids = [new_run_id(second) for second in range(20)]
    assert ids == sorted(ids)
    assert {len(run_id) for run_id in ids} == {26}


def test_a_screenshot_seen_twice_is_stored_once(tmp_path: Path) -> None:
    with RunStore.create(tmp_path, policy="scripted") as store:
        assert store.store_image(PNG) == store.store_image(PNG)
        store.flush()
        assert read_blob(store.folder, store.store_image(PNG)) == PNG
    assert len(list(store.folder.glob("blobs/*/*"))) == 1


def test_a_screenshot_that_is_not_what_its_name_says_is_refused(tmp_path: Path) -> None:
    with RunStore.create(tmp_path, policy="scripted") as store:
        name = store.store_image(PNG)
    blob_path(store.folder, name).write_bytes(b"another")
    with pytest.raises(BlobMissing, match="not the screenshot"):
        read_blob(store.folder, name)
    with pytest.raises(BlobMissing, match="no screenshot"):
        read_blob(store.folder, "f" * 64)


def test_a_run_is_gone_on_with_after_a_crash(tmp_path: Path) -> None:
    start = EpisodeStart(task="t", instruction="Go.", width=4, height=3, started_at=0.0)
    with RunStore.create(tmp_path, policy="scripted") as store:
        store.append(start)
    with (store.folder / "steps.log").open("ab") as log:
        log.write(b"MNHD half a record")
    with RunStore(store.folder) as again:
        again.append(start)
    assert len(read_run(store.folder).episodes) == 2
    assert (store.folder / "steps.torn").read_bytes() == b"MNHD half a record"


def test_an_intent_without_an_outcome_is_in_doubt(tmp_path: Path) -> None:
    with RunStore.create(tmp_path, policy="scripted") as store:
        name = store.store_image(PNG)
        store.append(EpisodeStart(task="t", instruction="Go.", width=4, height=3, started_at=0.0))
        store.append(
            Observation(
                step=1,
                image=name,
                width=4,
                height=3,
                taken_at=0.0,
                capture_seconds=0.0,
                settle_seconds=0.0,
                settled=True,
            )
        )
        store.append(Intent(step=1, response="", thought="", sentence=""), sync=True)
    (episode,) = read_run(store.folder).episodes
    assert (episode.steps[0].outcome, episode.end, episode.success) == (None, None, False)


def test_records_in_an_impossible_order_are_damage(tmp_path: Path) -> None:
    with RunStore.create(tmp_path, policy="scripted") as store:
        store.append(Intent(step=1, response="", thought="", sentence=""))
    with pytest.raises(LogDamaged, match="before the first episode"):
        read_run(store.folder)


def test_runs_are_found_below_a_folder(tmp_path: Path) -> None:
    folders = []
    for _ in range(2):
        with RunStore.create(tmp_path / "runs", policy="scripted") as store:
            folders.append(store.folder)
    assert find_runs(tmp_path) == sorted(folders)
    assert find_runs(folders[0]) == [folders[0]]
    with pytest.raises(RunNotFound, match="no run in"):
        find_runs(tmp_path / "nowhere")
