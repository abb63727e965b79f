import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from model.config import KimiVLConfig
from model.errors import CheckpointError
from model.kimi_vl import KimiVL
from model.quantized.plan import RECORD, Plan
from model.tokenizer import Tokenizer
from model.train.data import SOURCES
from model.train.draws import Row, Source
from model.train.initial import random_network
from model.train.recipe import Recipe, fine_tune
from model.train.samples import Conversation, Label, Turn, Watch
from model.train.stages import Stage
from model.train.trainer import GLYPH_HEAD
from model.train.vocabulary import write_ranks

RECIPES = Path(__file__).parents[3] / "model" / "train" / "recipes"
STAGE: dict[str, Any] = {"name": "joint", "steps": 10, "mixture": {"specimens": 1.0}}


class Given:
    """One source, under the name "pages"."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def sources(self, _stage: Stage) -> dict[str, Source]:
        return {"pages": self.source}

    def held_out(self, _name: str, _stage: Stage) -> Source:
        return self.source


def never_drawn(_rng: random.Random) -> Row:
    raise AssertionError("nothing is to be drawn")


def write(path: Path, content: object) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_the_recipe_of_nano_can_be_followed() -> None:
    corrections = Stage.from_file(RECIPES / "corrections.json")
    for stage in (*Recipe.from_file(RECIPES / "nano.json").stages, corrections):
        assert set(stage.mixture) <= set(SOURCES)


def test_the_recipe_of_the_paper_names_what_there_is() -> None:
    stages = Recipe.from_file(RECIPES / "paper.json").stages
    for stage in stages:
        assert set(stage.mixture) <= set(SOURCES)
        assert stage.gate is None or stage.gate.source in stage.mixture
    trained = [stage.trains for stage in stages]
    assert trained[:5] == ["vision", "vision", "decoder", "alignment", "all"]


@pytest.mark.parametrize("name", ["a3b-full", "a3b-lora", "a3b-four-bits"])
def test_the_stages_for_large_networks_can_be_read(name: str) -> None:
    stage = Stage.from_file(RECIPES / f"{name}.json")
    assert stage.name == name
    assert stage.checkpointed


def test_fine_tuning_starts_from_weights_and_leaves_a_whole_checkpoint(
    small_config: KimiVLConfig,
    ranks: dict[bytes, int],
    page_picture: Path,
    characters: list[Label],
    tmp_path: Path,
) -> None:
    def draw(_rng: random.Random) -> Row:
        turns = (Turn("Where is it?", "x=0.25, y=0.18"),)
        return Conversation(system="Look.", picture=page_picture, turns=turns), characters

    init = tmp_path / "init"
    random_network(small_config, seed=1).save_pretrained(init)
    write_ranks(ranks, init / "tiktoken.model")
    stage = Stage(name="sft", steps=2, batch_size=2, mixture={"pages": 1.0}, dtype="float32")
    made = fine_tune(init, stage, Given(draw), tmp_path / "out", Watch())
    assert made == tmp_path / "out" / "last"
    before, after = (KimiVL.from_pretrained(folder) for folder in (init, made))
    assert not torch.equal(
        before.language_model.lm_head.weight, after.language_model.lm_head.weight
    )
    stored = load_file(made / "model.safetensors")
    assert stored["language_model.lm_head.weight"].dtype == torch.bfloat16
    assert Tokenizer.from_file(made / "tiktoken.model").vocab_size == small_config.text.vocab_size
    # The next one goes on from there, its reading head too.
    again = replace(stage, steps=1, learning_rate=1e-9)
    fine_tune(made, again, Given(draw), tmp_path / "more", Watch())
    heads = [load_file(tmp_path / run / GLYPH_HEAD)["read.weight"] for run in ("out", "more")]
    assert torch.allclose(heads[0], heads[1], atol=1e-6)


def test_a_quantized_folder_is_refused_by_what_it_is(
    small_config: KimiVLConfig, ranks: dict[bytes, int], tmp_path: Path
) -> None:
    random_network(small_config, seed=1).save_pretrained(tmp_path)
    write_ranks(ranks, tmp_path / "tiktoken.model")
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, RECORD: Plan().record()}))
    stage = Stage(name="sft", steps=1, mixture={"pages": 1.0})
    with pytest.raises(CheckpointError, match="is quantized; expected the folder it was made from"):
        fine_tune(tmp_path, stage, Given(never_drawn), tmp_path / "out", Watch())


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        {"seed": 1},
        {"seed": 1, "stages": []},
        {"seed": 1, "stages": [STAGE, STAGE]},
        {"seed": 1, "stages": [{**STAGE, "epochs": 3}]},
        {"seed": 1, "stages": [STAGE], "colour": "blue"},
        {"stages": [STAGE]},
        {"seed": 1, "stages": [{"name": "joint", "mixture": {"a": 1}}]},
        {"seed": 1, "stages": [{**STAGE, "steps": 0}]},
    ],
)
def test_what_is_no_recipe_is_refused(tmp_path: Path, content: object) -> None:
    with pytest.raises(ValueError, match=r"recipe|expected"):
        Recipe.from_file(write(tmp_path / "r.json", content))


def test_a_missing_recipe_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no recipe at"):
        Recipe.from_file(tmp_path / "gone.json")


@pytest.mark.parametrize(
    "change",
    [
        {"steps": 0},
        {"batch_size": 0},
        {"mixture": {}},
        {"mixture": {"a": 0.0}},
        {"mixture": {"a": -1.0, "b": 2.0}},
        {"cooldown_steps": 11},
        {"trains": "head"},
    ],
)
def test_an_impossible_stage_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"expected|cooldown"):
        Stage.from_file(write(tmp_path / "s.json", STAGE | change))


@pytest.mark.parametrize("content", ["{", "[]", {"name": "x"}, {**STAGE, "rate": 1}])
def test_what_is_no_stage_is_refused(tmp_path: Path, content: object) -> None:
    path = write(tmp_path / "s.json", content)
    with pytest.raises(ValueError, match=r"s\.json"):
        Stage.from_file(path)
    with pytest.raises(ValueError, match="no stage file"):
        Stage.from_file(tmp_path / "gone.json")


def test_a_draw_is_decided_by_the_seed_and_the_step() -> None:
    # The generator of a pool is seeded with a text: Python hashes it the same in every process.
    assert random.Random("0/3").random() == random.Random("0/3").random()
