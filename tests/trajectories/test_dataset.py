import json
from functools import partial
from pathlib import Path

import pytest

from agent.prompts import NANO, render
from tests.trajectories.conftest import MakeRun
from trajectories.dataset import SPLITS, Dataset, Shares
from trajectories.export import Wanted
from trajectories.reading import RunRecord, read_runs
from trajectories.schema import Guard
from trajectories.store import RunStore

STYLED = partial(render, NANO)


def dataset_of(root: Path, wanted: Wanted | None = None, shares: Shares | None = None) -> Dataset:
    def runs() -> list[RunRecord]:
        return list(read_runs(root))

    return Dataset(runs, STYLED, wanted or Wanted(), shares or Shares())


def guarded(folder: Path, kind: str) -> None:
    """Put a guard into the last step of a run."""
    with RunStore(folder) as store:
        store.append(Guard(step=8, kind=kind, text="somebody moved the mouse"))


def test_the_same_sample_is_taken_once(make_run: MakeRun, tmp_path: Path) -> None:
    make_run()
    make_run()
    data = dataset_of(tmp_path / "runs")
    assert len(list(data.samples("train"))) == 7
    assert data.counts.repeated == 7


def test_what_is_not_wanted_is_left_out_and_counted(make_run: MakeRun, tmp_path: Path) -> None:
    make_run(score=0.0)
    guarded(make_run(), "takeover")
    guarded(make_run(), "alarm")
    make_run(settings={"reviewed": False})
    data = dataset_of(tmp_path / "runs")
    assert list(data.samples("train")) == []
    assert data.counts.left_out == {
        "not successful": 1,
        "takeover": 1,
        "alarm": 1,
        "not reviewed": 1,
    }
    everything = Wanted(only_successful=False, takeover=True, alarm=True)
    data = dataset_of(tmp_path / "runs", everything)
    assert list(data.samples("train"))
    assert data.counts.left_out == {"not reviewed": 1}


def test_a_task_is_in_one_split_only_whatever_else_is_there(
    make_run: MakeRun, tmp_path: Path
) -> None:
    shares = Shares(validation=0.3, test=0.3)
    tasks = [f"task {number}" for number in range(30)]
    splits = {task: shares.split_of(task) for task in tasks}
    assert set(splits.values()) == set(SPLITS)
    for task in tasks[:6]:
        make_run(["no code"], task=task, score=1.0)
        make_run(task=task)
    data = dataset_of(tmp_path / "runs", shares=shares)
    for split in SPLITS:
        for sample in data.samples(split):
            assert splits[sample.meta.task] == split


def test_shares_that_leave_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="below 1"):
        Shares(validation=0.5, test=0.5)


def test_the_card_counts_and_hashes(make_run: MakeRun, tmp_path: Path) -> None:
    make_run()
    data = dataset_of(tmp_path / "runs")
    list(data.samples("train"))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "train.jsonl").write_text("x\n")
    card = json.loads(data.write_card(tmp_path / "out", {"format": "sft"}).read_text())
    assert (card["num_samples"], card["samples_by_task"]) == ({"train": 7}, {"form": 7})
    assert card["sha256"] == {
        "train.jsonl": "73cb3858a687a8494ca3323053016282f3dad39d42cf62ca4e79dda2aac7d9ac"
    }
