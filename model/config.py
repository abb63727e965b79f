"""The sizes of a Kimi-VL: what the public `config.json` says, checked and frozen.

Field names are the public ones where they exist. A config is input from outside:
every integer is bounded before anything is allocated, `auto_map` is never looked at.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from model.errors import CheckpointError

MAX_DIM = 1 << 18
"""Larger than any width, depth or vocabulary of the family; a bound against hostile files."""

MAX_MATRICES = 50_000
"""Of the decoder or of the vision tower; the public model has 5,300. Each costs a module before
the first tensor is looked for."""


def _bounded(least: int = 1, **values: int) -> None:
    for name, value in values.items():
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= MAX_DIM:
            raise CheckpointError(
                f"{name} is {value!r}; expected an integer from {least} to {MAX_DIM}"
            )


def _positive(**values: float) -> None:
    for name, value in values.items():
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not 0.0 < value < math.inf:
            raise CheckpointError(f"{name} is {value!r}; expected a number above 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class VisionConfig:
    hidden_size: int = 1152
    num_hidden_layers: int = 27
    num_attention_heads: int = 16
    intermediate_size: int = 4304
    patch_size: int = 14
    """Pixels a side."""
    init_pos_emb_height: int = 64
    """Rows of the learned position table, interpolated to each picture's own grid."""
    init_pos_emb_width: int = 64
    merge: int = 2
    """Patches a side that become one token of the decoder."""

    def __post_init__(self) -> None:
        _bounded(**{f"vision_config.{name}": getattr(self, name) for name in type(self).__slots__})
        if self.num_hidden_layers * 6 > MAX_MATRICES:
            raise CheckpointError(f"{self.num_hidden_layers} layers of vision; expected fewer")
        if self.hidden_size % self.num_attention_heads:
            raise CheckpointError(
                f"vision hidden_size {self.hidden_size} does not divide into"
                f" {self.num_attention_heads} heads"
            )
        if self.head_dim % 4:
            raise CheckpointError(
                f"vision head dim {self.head_dim}; the rotation by row and column needs"
                " a multiple of 4"
            )

    @property
    def head_dim(self) -> int:
        return self.hidden_size // self.num_attention_heads


@dataclass(frozen=True, slots=True, kw_only=True)
class TextConfig:
    vocab_size: int = 163840
    hidden_size: int = 2048
    num_hidden_layers: int = 27
    num_attention_heads: int = 16
    kv_lora_rank: int = 512
    qk_nope_head_dim: int = 128
    qk_rope_head_dim: int = 64
    v_head_dim: int = 128
    intermediate_size: int = 11264
    """Of the dense layers that come first."""
    moe_intermediate_size: int = 1408
    n_routed_experts: int = 64
    num_experts_per_tok: int = 6
    n_shared_experts: int = 2
    """They are one MLP, this many times as wide as an expert."""
    first_k_dense_replace: int = 1
    """How many layers, from the first, have a dense MLP instead of experts."""
    routed_scaling_factor: float = 2.446
    max_position_embeddings: int = 131072
    rope_theta: float = 800000.0
    rms_norm_eps: float = 1e-5

    def __post_init__(self) -> None:
        floats = ("routed_scaling_factor", "rope_theta", "rms_norm_eps")
        _positive(**{f"text_config.{name}": getattr(self, name) for name in floats})
        for name in type(self).__slots__:
            if name not in floats:
                least = 0 if name == "first_k_dense_replace" else 1
                _bounded(least, **{f"text_config.{name}": getattr(self, name)})
        if self.num_hidden_layers * (self.n_routed_experts + 3) * 3 > MAX_MATRICES:
            raise CheckpointError(
                f"{self.num_hidden_layers} layers of {self.n_routed_experts} experts;"
                f" expected at most {MAX_MATRICES} matrices"
            )
        if self.first_k_dense_replace > self.num_hidden_layers:
            raise CheckpointError(
                f"first_k_dense_replace {self.first_k_dense_replace};"
                f" expected 0 to {self.num_hidden_layers}"
            )
        if self.num_experts_per_tok > self.n_routed_experts:
            raise CheckpointError(
                f"{self.num_experts_per_tok} experts a token of {self.n_routed_experts};"
                " expected no more than there are"
            )
        if self.qk_rope_head_dim % 2:
            raise CheckpointError(f"qk_rope_head_dim {self.qk_rope_head_dim}; expected it even")

    @property
    def qk_head_dim(self) -> int:
        return self.qk_nope_head_dim + self.qk_rope_head_dim


@dataclass(frozen=True, slots=True, kw_only=True)
class KimiVLConfig:
    vision: VisionConfig
    text: TextConfig
    media_placeholder_token_id: int = 163605
    eos_token_ids: tuple[int, ...] = (163585, 163586)
    """`[EOS]` and `<|im_end|>`: the public config names the first, turns end with the second."""
    in_token_limit: int = 4096
    """Patches a picture may have before it is made smaller (16384 in Thinking-2506)."""

    def __post_init__(self) -> None:
        ids = (self.media_placeholder_token_id, *self.eos_token_ids)
        for token_id in ids:
            _bounded(0, **{"token id": token_id})
            if not 0 <= token_id < self.text.vocab_size:
                raise CheckpointError(
                    f"token id {token_id} is outside the vocabulary of {self.text.vocab_size}"
                )

    @classmethod
    def tiny(cls) -> Self:
        """Random weights, milliseconds a call: for tests."""
        return cls(
            vision=VisionConfig(
                hidden_size=48,
                num_hidden_layers=2,
                num_attention_heads=4,
                intermediate_size=80,
                init_pos_emb_height=8,
                init_pos_emb_width=8,
            ),
            text=TextConfig(
                vocab_size=512,
                hidden_size=64,
                num_hidden_layers=3,
                num_attention_heads=4,
                kv_lora_rank=24,
                qk_nope_head_dim=16,
                qk_rope_head_dim=8,
                v_head_dim=16,
                intermediate_size=96,
                moe_intermediate_size=32,
                n_routed_experts=8,
                num_experts_per_tok=3,
                max_position_embeddings=512,
            ),
            media_placeholder_token_id=500,
            eos_token_ids=(2,),
        )

    @classmethod
    def nano(cls, *, vocab_size: int = 1024) -> Self:
        """What two CPU cores can train: about 12 million parameters, 8 of them active.

        Few and not too small experts, because a bf16 product of fewer than 256 rows runs
        at half speed. The special tokens are the last 256 of the vocabulary, in the
        public order.
        """
        special = vocab_size - 256
        return cls(
            vision=VisionConfig(
                hidden_size=256,
                num_hidden_layers=6,
                num_attention_heads=4,
                intermediate_size=768,
                init_pos_emb_height=16,
                init_pos_emb_width=16,
            ),
            text=TextConfig(
                vocab_size=vocab_size,
                hidden_size=256,
                num_hidden_layers=4,
                num_attention_heads=4,
                kv_lora_rank=96,
                qk_nope_head_dim=32,
                qk_rope_head_dim=32,
                v_head_dim=64,
                intermediate_size=768,
                moe_intermediate_size=256,
                n_routed_experts=8,
                num_experts_per_tok=2,
                n_shared_experts=1,
                routed_scaling_factor=1.0,
                max_position_embeddings=8192,
                rope_theta=10000.0,
            ),
            media_placeholder_token_id=special + 21,
            eos_token_ids=(special + 1, special + 2),
        )

    @classmethod
    def from_hf(cls, source: Mapping[str, Any]) -> Self:
        """Read the public `config.json` (already parsed).

        Raises:
            CheckpointError: a field is missing, out of bounds, or asks for something the
                family does not have (q LoRA, RoPE scaling, expert groups, tied embeddings).
        """
        try:
            vision, text = dict(source["vision_config"]), dict(source["text_config"])
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"config.json has no usable {error}") from error
        expected = {
            "q_lora_rank": None,
            "rope_scaling": None,
            "attention_bias": False,
            "n_group": 1,
            "topk_group": 1,
            "moe_layer_freq": 1,
            "norm_topk_prob": True,
            "scoring_func": "sigmoid",
            "hidden_act": "silu",
            "tie_word_embeddings": False,
        }
        for name, value in expected.items():
            if text.get(name, value) != value:
                raise CheckpointError(f"text_config.{name} is {text[name]!r}; expected {value!r}")
        kernel = vision.get("merge_kernel_size", [2, 2])
        if kernel not in ([2, 2], (2, 2)):
            raise CheckpointError(f"vision_config.merge_kernel_size is {kernel!r}; expected [2, 2]")
        declared = text.get("eos_token_id", 163585)
        eos = tuple(declared) if isinstance(declared, list) else (declared,)
        if eos == (163585,):
            eos = (163585, 163586)
        return cls(
            vision=VisionConfig(**_known(vision, VisionConfig)),
            text=TextConfig(**_known(text, TextConfig)),
            media_placeholder_token_id=source.get("media_placeholder_token_id", 163605),
            eos_token_ids=eos,
        )

    @classmethod
    def from_folder(cls, folder: Path) -> Self:
        """Read `config.json` and, where there is one, `preprocessor_config.json`."""
        from dataclasses import replace

        config = cls.from_hf(read_json(folder / "config.json"))
        preprocessor = folder / "preprocessor_config.json"
        if not preprocessor.exists():
            return config
        limit = read_json(preprocessor).get("in_token_limit", config.in_token_limit)
        _bounded(in_token_limit=limit)
        return replace(config, in_token_limit=limit)

    def to_hf(self) -> dict[str, Any]:
        """The public `config.json`; `from_hf` reads it back to an equal config."""
        vision = {name: getattr(self.vision, name) for name in VisionConfig.__slots__}
        merge = vision.pop("merge")
        text = {name: getattr(self.text, name) for name in TextConfig.__slots__}
        return {
            "architectures": ["KimiVLForConditionalGeneration"],
            "model_type": "kimi_vl",
            "media_placeholder_token_id": self.media_placeholder_token_id,
            "vision_config": {
                "model_type": "moonvit",
                "merge_kernel_size": [merge, merge],
                **vision,
            },
            "text_config": {
                "model_type": "deepseek_v3",
                "eos_token_id": list(self.eos_token_ids),
                **text,
            },
        }


def _known(source: Mapping[str, Any], kind: type) -> dict[str, Any]:
    """The fields `kind` has; the public config carries many that say nothing about the sizes."""
    return {name: source[name] for name in kind.__slots__ if name in source}  # type: ignore[attr-defined]


def read_json(path: Path) -> dict[str, Any]:
    """An object in a file.

    Raises:
        CheckpointError: no such file, or no object in it.
    """
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise CheckpointError(f"no {path.name} in {path.parent}") from error
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise CheckpointError(f"{path} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise CheckpointError(f"{path} holds a {type(found).__name__}; expected an object")
    return found
