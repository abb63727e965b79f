import json
import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from model.config import KimiVLConfig
from model.kimi_vl import KimiVL
from model.tokenizer import Tokenizer
from model.train.initial import random_network
from model.train.samples import Conversation, Label, Turn
from model.train.stages import Stage
from model.train.trainer import Row, Source, Trainer

STAGE = Stage(
    name="joint",
    steps=30,
    batch_size=2,
    learning_rate=0.01,
    warmup_steps=3,
    mixture={"pages": 1.0},
    pointer_weight=0.5,
)


@pytest.fixture
def source(page_picture: Path, characters: list[Label]) -> Source:
    """Always the same page; one of two questions."""
    told = (("Where is it?", "x=0.25, y=0.18"), ("What is it?", "Submit"))

    def draw(rng: random.Random) -> Row:
        turns = (Turn(*rng.choice(told)),)
        return Conversation(system="Look.", picture=page_picture, turns=turns), characters

    return draw


def trainer(
    config: KimiVLConfig,
    tokenizer: Tokenizer,
    source: Source,
    folder: Path,
    stage: Stage = STAGE,
    earlier: Path | None = None,
) -> Trainer:
    network = random_network(config, seed=1)
    return Trainer(network, tokenizer, stage, {"pages": source}, folder, earlier=earlier)


def test_one_page_is_learned_in_thirty_steps(
    small_config: KimiVLConfig, tokenizer: Tokenizer, source: Source, tmp_path: Path
) -> None:
    made = trainer(small_config, tokenizer, source, tmp_path / "run")
    made.run()
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    metrics = [json.loads(line) for line in lines]
    assert [line["step"] for line in metrics] == list(range(1, 31))
    first, last = metrics[0], metrics[-1]
    assert last["answer"] < 0.3 * first["answer"]
    assert last["glyphs"] < 0.8 * first["glyphs"]
    assert last["pointer"] < first["pointer"]
    assert last["token_accuracy"] > 0.7, "all but which of the two questions it was"
    network = KimiVL.from_pretrained(tmp_path / "run" / "last", dtype=torch.float32)
    assert network.config == small_config


def test_stopped_and_gone_on_with_it_is_the_same_to_the_bit(
    small_config: KimiVLConfig, tokenizer: Tokenizer, source: Source, tmp_path: Path
) -> None:
    stage = replace(STAGE, steps=6)
    straight = trainer(small_config, tokenizer, source, tmp_path / "straight", stage)
    straight.run()

    stopped = trainer(small_config, tokenizer, source, tmp_path / "stopped", stage)
    for _ in range(3):
        stopped.one_step()
    stopped.save()
    stopped.one_step()  # Lost: it was never saved.

    gone_on = trainer(small_config, tokenizer, source, tmp_path / "stopped", stage)
    assert gone_on.resume()
    assert gone_on.step == 3
    gone_on.run()
    for name in ("state.safetensors", "last/model.safetensors", "glyph_head.safetensors"):
        one, other = (load_file(tmp_path / run / name) for run in ("straight", "stopped"))
        assert one.keys() == other.keys()
        assert all(torch.equal(one[key], other[key]) for key in one), name


def test_a_finished_stage_is_not_run_again(
    small_config: KimiVLConfig, tokenizer: Tokenizer, source: Source, tmp_path: Path
) -> None:
    stage = replace(STAGE, steps=2)
    trainer(small_config, tokenizer, source, tmp_path, stage).run()
    before = (tmp_path / "metrics.jsonl").read_text()
    again = trainer(small_config, tokenizer, source, tmp_path, stage)
    assert again.resume()
    again.run()
    assert (tmp_path / "metrics.jsonl").read_text() == before


def test_nothing_to_go_on_with_is_said(
    small_config: KimiVLConfig, tokenizer: Tokenizer, source: Source, tmp_path: Path
) -> None:
    assert not trainer(small_config, tokenizer, source, tmp_path).resume()


def test_a_vision_stage_reads_glyphs_and_leaves_the_decoder_alone(
    small_config: KimiVLConfig, tokenizer: Tokenizer, source: Source, tmp_path: Path
) -> None:
    stage = replace(STAGE, trains="vision", steps=4)
    made = trainer(small_config, tokenizer, source, tmp_path, stage)
    before = {name: tensor.clone() for name, tensor in made.network.state_dict().items()}
    losses = [made.one_step()["glyphs"] for _ in range(4)]
    assert losses[-1] < losses[0]
    moved = {
        name
        for name, tensor in made.network.state_dict().items()
        if not torch.equal(tensor, before[name])
    }
    assert moved
    assert all(name.startswith("vision_tower.") for name in moved)


def test_the_reading_head_is_handed_on_to_the_next_stage(
    small_config: KimiVLConfig, tokenizer: Tokenizer, source: Source, tmp_path: Path
) -> None:
    first = trainer(small_config, tokenizer, source, tmp_path / "a", replace(STAGE, steps=1))
    first.run()
    second = trainer(small_config, tokenizer, source, tmp_path / "b", earlier=tmp_path / "a")
    kept = second.objective.glyph_head.read.weight
    assert torch.equal(kept, first.objective.glyph_head.read.weight)


def test_the_balance_of_the_experts_is_saved_exactly(
    small_config: KimiVLConfig, tokenizer: Tokenizer, source: Source, tmp_path: Path
) -> None:
    made = trainer(small_config, tokenizer, source, tmp_path, replace(STAGE, steps=3))
    made.run()
    name = "language_model.model.layers.1.mlp.gate.e_score_correction_bias"
    bias = made.network.state_dict()[name]
    assert bias.dtype == torch.float32
    assert bias.abs().max() > 0
    read = KimiVL.from_pretrained(tmp_path / "last", dtype=torch.bfloat16).state_dict()
    assert torch.equal(read[name], bias)


def test_a_mixture_without_its_source_is_refused(
    small_config: KimiVLConfig, tokenizer: Tokenizer, source: Source, tmp_path: Path
) -> None:
    stage = replace(STAGE, mixture={"books": 1.0})
    with pytest.raises(ValueError, match="books"):
        trainer(small_config, tokenizer, source, tmp_path, stage)
