import stat
from pathlib import Path

import pytest

from trajectories.errors import RunNotFound
from trajectories.index import INDEX_NAME, RunIndex
from trajectories.schema import EpisodeEnd, EpisodeStart
from trajectories.store import RunStore


def add_run(root: Path, *instructions: str) -> Path:
    with RunStore.create(root, policy="scripted") as store:
        for instruction in instructions:
            store.append(
                EpisodeStart(task="t", instruction=instruction, width=4, height=3, started_at=0.0)
            )
            store.append(EpisodeEnd(ending="DONE", score=1.0, seconds=2.0))
    return store.folder


def instructions(root: Path, words: str = "") -> list[str]:
    with RunIndex(root) as index:
        return [entry.instruction for entry in index.episodes(words)]


def test_episodes_are_found_by_their_words(tmp_path: Path) -> None:
    add_run(tmp_path, "Open the calendar.", "Close the mail.")
    add_run(tmp_path, "Open the mail.")
    assert instructions(tmp_path) == ["Open the calendar.", "Close the mail.", "Open the mail."]
    assert instructions(tmp_path, "mail") == ["Close the mail.", "Open the mail."]
    assert instructions(tmp_path, "open mail") == ["Open the mail."]
    assert instructions(tmp_path, '" OR *') == []


def test_what_is_new_is_read_and_what_is_gone_forgotten(tmp_path: Path) -> None:
    first = add_run(tmp_path, "One.")
    assert instructions(tmp_path) == ["One."]
    with RunStore(first) as store:
        store.append(EpisodeStart(task="t", instruction="Two.", width=4, height=3, started_at=0.0))
    add_run(tmp_path, "Three.")
    assert instructions(tmp_path) == ["One.", "Two.", "Three."]
    first.rename(tmp_path.parent / "elsewhere")
    assert instructions(tmp_path) == ["Three."]


def test_it_is_for_its_owner_and_made_again_from_anything(tmp_path: Path) -> None:
    add_run(tmp_path, "One.")
    index = tmp_path / INDEX_NAME
    assert instructions(tmp_path) == ["One."]
    assert stat.S_IMODE(index.stat().st_mode) == 0o600
    index.write_bytes(b"this is no database at all, and long enough to be looked at" * 50)
    assert instructions(tmp_path) == ["One."]
    index.unlink()
    assert instructions(tmp_path) == ["One."]


def test_a_damaged_run_does_not_hide_the_others(tmp_path: Path) -> None:
    damaged = add_run(tmp_path, "One.")
    add_run(tmp_path, "Two.")
    data = bytearray((damaged / "steps.log").read_bytes())
    data[60] ^= 1
    (damaged / "steps.log").write_bytes(data)
    with RunIndex(tmp_path) as index:
        assert [entry.instruction for entry in index.episodes()] == ["Two."]
        assert list(index.troubles()) == [damaged.name]


def test_a_folder_without_runs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunNotFound, match="no folder"):
        RunIndex(tmp_path / "nowhere")
