"""A network made ready for a stage: its positions, its adapters, what of it moves."""

from dataclasses import replace
from pathlib import Path

import torch

from model.config import read_json
from model.decoder import DecoderLayer
from model.errors import CheckpointError
from model.kimi_vl import KimiVL
from model.moonvit import VisionBlock
from model.quantized.plan import Plan
from model.train.stages import PARTS, Stage


def trainable(folder: Path, dtype: torch.dtype, device: str = "cpu") -> KimiVL:
    """The network of a folder, to be trained.

    Raises:
        CheckpointError: it does not fit, or `main.py quantize` made it: codes have no gradients.
    """
    if Plan.from_config(read_json(folder / "config.json")) is not None:
        raise CheckpointError(f"{folder} is quantized; expected the folder it was made from")
    return KimiVL.from_pretrained(folder, dtype=dtype, device=device)


def fit(network: KimiVL, stage: Stage) -> None:
    """In place."""
    _stretch(network, stage)
    if stage.adapter_rank:
        # PEFT takes seconds to import, and most trainings do without.
        from model.train.adapters import add_adapters, quantize_base

        if stage.four_bits:
            quantize_base(network)
            network.to("cuda")
        add_adapters(network, stage.adapter_rank, stage.seed)
    for module in network.modules():
        if isinstance(module, DecoderLayer | VisionBlock):
            module.checkpointed = stage.checkpointed


def choose(network: KimiVL, stage: Stage) -> None:
    """What gets gradients: the stage's parts, or only their adapters."""
    network.requires_grad_(False)
    for part in PARTS[stage.trains]:
        for name, parameter in network.get_submodule(part).named_parameters():
            if not stage.adapter_rank or ".lora_" in name:
                parameter.requires_grad_(True)


def _stretch(network: KimiVL, stage: Stage) -> None:
    """Give the decoder the stage's positions."""
    text = network.config.text
    text = replace(
        text,
        rope_theta=stage.rope_theta or text.rope_theta,
        max_position_embeddings=stage.max_positions or text.max_position_embeddings,
    )
    network.config = replace(network.config, text=text)
    network.language_model.model.rope_theta = text.rope_theta


def keep_balance_exact(network: KimiVL) -> None:
    """The routers' biases stay float32: their nudges are below what bfloat16 can hold."""
    for name, buffer in network.named_buffers():
        if name.endswith("e_score_correction_bias"):
            buffer.data = buffer.data.float()
