"""From the network as it is loaded to the one a card runs: fused experts, perhaps in int4.

Layer by layer, so that beside the result there is never more than one layer twice. The
embedding, the norms, the router, the projection into heads (used by halves when decoding) and
everything that sees stay as they are.
"""

from typing import Literal

import torch
from torch import nn

from model.gpu.experts import FusedMixture, Int4Experts, Int4GatedMLP, WideExperts
from model.gpu.int4 import Int4Linear
from model.kimi_vl import KimiVL
from model.moe import GatedMLP, MixtureOfExperts

Bits = Literal[4, 16]
"""16: the weights as they are."""


def fused(network: KimiVL, device: torch.device, bits: Bits) -> KimiVL:
    """The same network, changed in place and moved; for inference only."""
    decoder = network.language_model
    for layer in decoder.model.layers:
        if isinstance(layer.mlp, MixtureOfExperts):
            layer.mlp = _mixture(layer.mlp, device, bits)
        elif bits == 4:
            assert isinstance(layer.mlp, GatedMLP)
            layer.mlp = Int4GatedMLP.of(layer.mlp, device)
        if bits == 4:
            attention = layer.self_attn
            for name in ("q_proj", "kv_a_proj_with_mqa", "o_proj"):
                setattr(attention, name, Int4Linear.of(getattr(attention, name), device))
        layer.to(device)
    if bits == 4:
        decoder.register_module("lm_head", Int4Linear.of(decoder.lm_head, device))
    return network.to(device)


def is_fused(network: KimiVL) -> bool:
    return any(isinstance(module, FusedMixture) for module in network.modules())


def _mixture(mixture: MixtureOfExperts, device: torch.device, bits: Bits) -> FusedMixture:
    shared: nn.Module = mixture.shared_experts
    if bits == 16:
        return FusedMixture(mixture.gate, WideExperts.of(mixture.experts, device), shared)
    assert isinstance(shared, GatedMLP)
    experts = Int4Experts.of(mixture.experts, device)
    return FusedMixture(mixture.gate, experts, Int4GatedMLP.of(shared, device))
