import json
from pathlib import Path
from typing import Any

import pytest
import torch

from model.config import KimiVLConfig, TextConfig, VisionConfig
from model.errors import CheckpointError
from model.kimi_vl import KimiVL


def public(**text: Any) -> dict[str, Any]:
    """The public config of the tiny network with some of its text fields changed."""
    found = KimiVLConfig.tiny().to_hf()
    found["text_config"] |= text
    return found


@pytest.mark.parametrize(
    "config",
    [
        KimiVLConfig.tiny(),
        KimiVLConfig.nano(),
        KimiVLConfig(vision=VisionConfig(), text=TextConfig()),
    ],
    ids=["tiny", "nano", "a3b"],
)
def test_a_config_is_read_back_as_it_was_written(config: KimiVLConfig) -> None:
    assert KimiVLConfig.from_hf(json.loads(json.dumps(config.to_hf()))) == config


def test_the_golden_config_is_the_tiny_one(golden_folder: Path) -> None:
    assert KimiVLConfig.from_folder(golden_folder / "tiny-a") == KimiVLConfig.tiny()


def test_the_picture_limit_comes_from_the_preprocessor(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(public()))
    (tmp_path / "preprocessor_config.json").write_text('{"in_token_limit": 16384}')
    assert KimiVLConfig.from_folder(tmp_path).in_token_limit == 16384


def test_turns_end_with_im_end_though_the_public_config_names_eos_only() -> None:
    config = KimiVLConfig.from_hf({"vision_config": {}, "text_config": {"eos_token_id": 163585}})
    assert config.eos_token_ids == (163585, 163586)
    assert config.text.num_hidden_layers == 27


def test_nano_is_as_small_as_it_says() -> None:
    with torch.device("meta"):
        network = KimiVL(KimiVLConfig.nano())
    assert 10e6 < sum(parameter.numel() for parameter in network.parameters()) < 14e6


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("q_lora_rank", 1536),
        ("rope_scaling", {"type": "yarn"}),
        ("n_group", 8),
        ("scoring_func", "softmax"),
        ("tie_word_embeddings", True),
        ("hidden_act", "gelu"),
        ("hidden_size", 0),
        ("hidden_size", 1 << 40),
        ("hidden_size", "64"),
        ("hidden_size", True),
        ("num_hidden_layers", -1),
        ("num_experts_per_tok", 9),
        ("first_k_dense_replace", 4),
        ("first_k_dense_replace", "1"),
        ("qk_rope_head_dim", 7),
        ("vocab_size", 400),
        ("eos_token_id", "<|im_end|>"),
        ("eos_token_id", [2, None]),
        ("eos_token_id", 512),
        ("rope_theta", "big"),
        ("rope_theta", 0.0),
        ("rms_norm_eps", float("nan")),
        ("routed_scaling_factor", None),
    ],
)
def test_what_the_family_does_not_have_is_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(CheckpointError):
        KimiVLConfig.from_hf(public(**{name: value}))


@pytest.mark.parametrize(
    "vision",
    [
        {"merge_kernel_size": [3, 3]},
        {"merge_kernel_size": 2},
        {"hidden_size": 50, "num_attention_heads": 4},
        {"hidden_size": 24, "num_attention_heads": 4},
        {"patch_size": 0},
    ],
)
def test_a_vision_tower_of_another_kind_is_refused(vision: dict[str, Any]) -> None:
    with pytest.raises(CheckpointError):
        KimiVLConfig.from_hf({"vision_config": vision, "text_config": {}})


@pytest.mark.parametrize(
    "text", ["", "[]", "{", "{}", '{"vision_config": 3, "text_config": {}}', "[" * 100_000]
)
def test_a_file_that_is_no_config_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(CheckpointError):
        KimiVLConfig.from_folder(tmp_path)


def test_a_folder_without_a_config_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no config\.json"):
        KimiVLConfig.from_folder(tmp_path)
