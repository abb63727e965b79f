"""A training by processes started here, on a small checkpoint and text alone."""

import json
from pathlib import Path

import pytest

from model.config import KimiVLConfig
from model.train.data import TrainingData
from model.train.initial import random_network
from model.train.samples import Demonstration, Setting, Watch
from model.train.stages import Stage
from model.train.together import ReplicaDied, fine_tune_together
from model.train.vocabulary import write_ranks

STAGE = Stage(
    name="s", steps=1000, batch_size=2, mixture={"copying": 1.0}, dtype="float32", warmup_steps=1
)


@pytest.fixture
def init(small_config: KimiVLConfig, ranks: dict[bytes, int], tmp_path: Path) -> Path:
    folder = tmp_path / "init"
    random_network(small_config, seed=1).save_pretrained(folder)
    write_ranks(ranks, folder / "tiktoken.model")
    return folder


def nobody(_data: Path) -> list[Demonstration]:
    return []


def setting(watch: Watch) -> Setting:
    return Setting(demonstrations=nobody, thoughts=nobody, words=("vel",), say=print, watch=watch)


def test_its_steps_are_told_here_and_a_stop_ends_all_of_it_saved(
    init: Path, tmp_path: Path
) -> None:
    seen: list[dict[str, float]] = []
    watch = Watch(on_step=lambda _name, _steps, row: seen.append(row), stop=lambda: bool(seen))
    data = TrainingData(folder=tmp_path, setting=setting(Watch()))
    with pytest.raises(KeyboardInterrupt):
        fine_tune_together(2, init, STAGE, data, tmp_path / "out", setting(watch))
    metrics = (tmp_path / "out" / "metrics.jsonl").read_text()
    rows = [json.loads(row) for row in metrics.splitlines()]
    assert 1 <= len(rows) < STAGE.steps
    assert seen == rows, "the leader tells, and nothing twice"
    assert (tmp_path / "out" / "state.safetensors").exists()


def test_what_a_process_raises_is_told(tmp_path: Path) -> None:
    data = TrainingData(folder=tmp_path, setting=setting(Watch()))
    with pytest.raises(ReplicaDied, match=r"tiktoken\.model"):
        fine_tune_together(1, tmp_path, STAGE, data, tmp_path / "out", setting(Watch()))
