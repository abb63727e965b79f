"""Adapters beside the weights of a small network, through PEFT."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from model.config import KimiVLConfig
from model.kimi_vl import KimiVL
from model.tokenizer import Tokenizer
from model.train.adapters import add_adapters, merged
from model.train.copying import CopySource
from model.train.initial import random_network
from model.train.stages import Stage
from model.train.trainer import Trainer

STAGE = Stage(
    name="adapters",
    steps=6,
    batch_size=2,
    sequence_length=200,
    learning_rate=5e-3,
    warmup_steps=1,
    mixture={"copying": 1.0},
    dtype="float32",
    adapter_rank=4,
    glyph_weight=0.0,
    pointer_weight=0.0,
    expert_balance_rate=0.0,
)
SOURCES = {"copying": CopySource(("vel", "ut"))}


def trainer(config: KimiVLConfig, tokenizer: Tokenizer, folder: Path, stage: Stage) -> Trainer:
    return Trainer(random_network(config, seed=1), tokenizer, stage, SOURCES, folder)


def test_only_adapters_move_and_they_learn(
    small_config: KimiVLConfig, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    made = trainer(small_config, tokenizer, tmp_path, STAGE)
    before = {name: tensor.clone() for name, tensor in made.network.state_dict().items()}
    made.run()
    moved = {n for n, t in made.network.state_dict().items() if not torch.equal(t, before[n])}
    assert moved
    assert all(".lora_" in name for name in moved)
    assert not any(".experts." in name for name in moved)
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert rows[-1]["answer"] < rows[0]["answer"]


def test_merged_weights_compute_what_the_adapters_did(
    small_config: KimiVLConfig, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    made = trainer(small_config, tokenizer, tmp_path, STAGE)
    made.run()
    ids = torch.tensor([[5, 6, 7, 8, 9]])
    with torch.inference_mode():
        beside, inside = made.network(ids), merged(made.network)(ids)
    assert torch.allclose(beside, inside, atol=1e-4)
    stored = KimiVL.from_pretrained(tmp_path / "last", dtype=torch.float32)
    plain = random_network(small_config, seed=1).state_dict()
    assert stored.state_dict().keys() == plain.keys()
    name = "language_model.model.layers.0.self_attn.q_proj.weight"
    assert not torch.allclose(stored.state_dict()[name], plain[name])


def test_the_adapter_s_file_has_peft_s_names(
    small_config: KimiVLConfig, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    trainer(small_config, tokenizer, tmp_path, replace(STAGE, steps=1)).run()
    told = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    assert (told["r"], told["lora_alpha"]) == (4, 8)
    state = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    layer = "base_model.model.language_model.model.layers.0.self_attn.q_proj"
    assert state[f"{layer}.lora_A.weight"].shape == (4, small_config.text.hidden_size)


def test_stopped_adapters_go_on_to_the_same_bits(
    small_config: KimiVLConfig, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    trainer(small_config, tokenizer, tmp_path / "straight", STAGE).run()
    first = trainer(small_config, tokenizer, tmp_path / "stopped", STAGE)
    for _ in range(3):
        first.one_step()
    first.save()
    second = trainer(small_config, tokenizer, tmp_path / "stopped", STAGE)
    assert second.resume()
    second.run()
    one, other = (load_file(tmp_path / n / "state.safetensors") for n in ("straight", "stopped"))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[key], other[key]) for key in one)


def test_computed_again_it_is_the_same(
    small_config: KimiVLConfig, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    rows = [
        trainer(
            small_config, tokenizer, tmp_path / str(again), replace(STAGE, checkpointed=again)
        ).one_step()
        for again in (False, True)
    ]
    assert rows[0]["loss"] == rows[1]["loss"]
    assert rows[0]["gradient_norm"] == rows[1]["gradient_norm"]


def test_an_adapter_is_nothing_at_first(small_config: KimiVLConfig) -> None:
    network, ids = random_network(small_config, seed=1), torch.tensor([[5, 6, 7]])
    with torch.inference_mode():
        before = network(ids)
        add_adapters(network, 4, seed=0)
        assert torch.equal(network(ids), before)


def test_four_bits_without_adapters_are_refused() -> None:
    with pytest.raises(ValueError, match="adapter_rank"):
        replace(STAGE, adapter_rank=0, four_bits=True)
