"""Low-rank adapters (LoRA) through PEFT: how a network too large to train is fine-tuned.

The network's own modules stay what they are and their names too, so an adapter's file is what
PEFT reads through `model.hf`, and merged weights are a checkpoint like any other. The routed
experts have none: 64 of them share the tokens, and most of the network would be adapters.
"""

import copy
import json
from pathlib import Path

import torch
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import Linear as LoraLinear
from safetensors.torch import save_file
from torch import Tensor, nn

from model.kimi_vl import KimiVL

TARGETS = (
    r".*\.(q_proj|kv_a_proj_with_mqa|kv_b_proj|o_proj|wqkv|wo|fc0|fc1|linear_1|linear_2)"
    r"|.*\.(mlp|shared_experts)\.(gate_proj|up_proj|down_proj)"
)
"""Attention, dense MLPs, shared experts and the projector, by their whole names."""

PUBLIC_PREFIX = "base_model.model."
"""Of names in an adapter's file, as PEFT writes them."""


def adapter_config(rank: int) -> LoraConfig:
    return LoraConfig(r=rank, lora_alpha=2 * rank, lora_dropout=0.0, target_modules=TARGETS)


def add_adapters(network: nn.Module, rank: int, seed: int) -> None:
    """In place; what they compute is nothing yet, and only they are trainable."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        inject_adapter_in_model(adapter_config(rank), network)


def save_adapters(network: nn.Module, rank: int, folder: Path) -> None:
    """`adapter_model.safetensors` and `adapter_config.json`, as PEFT reads them."""
    folder.mkdir(parents=True, exist_ok=True)
    state = {
        PUBLIC_PREFIX + name.replace(".default", ""): tensor.detach().cpu().contiguous()
        for name, tensor in network.state_dict().items()
        if ".lora_" in name
    }
    save_file(state, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    told = adapter_config(rank).to_dict()
    plain = {name: value for name, value in told.items() if _is_plain(value)}
    (folder / "adapter_config.json").write_text(json.dumps(plain, indent=2) + "\n")


def merged(network: KimiVL) -> KimiVL:
    """A copy in which each adapter has become part of the weight it stood beside."""
    whole = copy.deepcopy(network)
    for name, module in list(whole.named_modules()):
        if isinstance(module, LoraLinear):
            module.merge()
            parent, _, last = name.rpartition(".")
            setattr(whole.get_submodule(parent), last, module.get_base_layer())
    return whole


def quantize_base(network: nn.Module) -> None:
    """In place: the decoder's matrices to 4 bits (NF4), for adapters on a card of 24 GB.

    Needs bitsandbytes and a CUDA device; has not been run on one by us.

    Raises:
        ModuleNotFoundError: bitsandbytes is not installed.
    """
    import bitsandbytes as bnb

    for name, module in list(network.named_modules()):
        if type(module) is nn.Linear and ".layers." in name:
            small = bnb.nn.Linear4bit(
                module.in_features,
                module.out_features,
                bias=module.bias is not None,
                compute_dtype=module.weight.dtype,
                quant_type="nf4",
            )
            weight: Tensor = module.weight.data
            small.weight = bnb.nn.Params4bit(weight, requires_grad=False, quant_type="nf4")
            parent, _, last = name.rpartition(".")
            # Quantized as it moves: one matrix at a time is on the card in full.
            setattr(network.get_submodule(parent), last, small.to("cuda"))


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, str | int | float | bool)
