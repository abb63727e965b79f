"""What the commands call, on a small checkpoint and a data folder of text alone."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from model.config import KimiVLConfig
from model.kimi_vl import KimiVL
from model.train import kit
from model.train.initial import random_network
from model.train.samples import Conversation, Demonstration, Setting, Turn, Watch
from model.train.vocabulary import write_ranks


@pytest.fixture
def init(small_config: KimiVLConfig, ranks: dict[bytes, int], tmp_path: Path) -> Path:
    folder = tmp_path / "init"
    random_network(small_config, seed=1).save_pretrained(folder)
    write_ranks(ranks, folder / "tiktoken.model")
    return folder


@pytest.fixture
def setting() -> Setting:
    return Setting(
        demonstrations=lambda _: [],
        thoughts=lambda _: [],
        words=("vel", "ut"),
        say=lambda _: None,
        watch=Watch(),
    )


def write(path: Path, mixture: dict[str, float]) -> Path:
    stage = {"name": "s", "steps": 2, "batch_size": 2, "mixture": mixture, "dtype": "float32"}
    path.write_text(json.dumps(stage))
    return path


def test_a_stage_is_trained_from_a_folder(init: Path, setting: Setting, tmp_path: Path) -> None:
    config = write(tmp_path / "s.json", {"copying": 1.0, "demonstrations": 0.5})
    step = Demonstration(
        conversation=Conversation(
            system="s", picture=None, turns=(Turn("Go.", "Gone."),), source="walk"
        ),
        labels=None,
    )
    setting = replace(setting, demonstrations=lambda _: [step, step])
    made = kit.sft(config, str(init), tmp_path, tmp_path / "out", setting)
    card = json.loads((tmp_path / "out" / "data.json").read_text())["sources"]
    assert card["demonstrations"]["steps_by_task"] == {"walk": 1}
    assert card["demonstrations"]["doubles_left_out"] == 1
    assert KimiVL.from_pretrained(made).config.text.vocab_size > 0


def test_a_variant_does_without_some_sources(init: Path, setting: Setting, tmp_path: Path) -> None:
    # There are no specimens here: asked for, they would be missed.
    config = write(tmp_path / "s.json", {"copying": 1.0, "specimens": 1.0})
    with pytest.raises(ValueError, match="no labelled pages"):
        kit.variant(config, str(init), tmp_path, tmp_path / "a", setting, without=(), seed=0)
    left_out = ("specimens", "screens")
    made = kit.variant(
        config, str(init), tmp_path, tmp_path / "b", setting, without=left_out, seed=0
    )
    assert made.is_dir()
    with pytest.raises(ValueError, match="mixture"):
        kit.variant(
            config,
            str(init),
            tmp_path,
            tmp_path / "c",
            setting,
            without=("copying", *left_out),
            seed=0,
        )


def test_a_recipe_that_is_not_there_is_said(setting: Setting, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no recipe"):
        kit.pretrain("gone", tmp_path, tmp_path / "out", setting)
