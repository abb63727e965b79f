"""A network of the real sizes with random weights, made on the card itself.

33 GB written, read and sent there would take minutes; what is measured here is the same for
any numbers. Not what a checkpoint becomes: `model.gpu.fuse` makes that.
"""

import torch
from torch import Tensor, nn

from model.config import KimiVLConfig, TextConfig
from model.gpu.experts import FusedMixture, Int4Experts, Int4GatedMLP, WideExperts, has_grouped
from model.gpu.fuse import Bits
from model.gpu.int4 import GROUP, Int4Linear, Packed, tiles_together
from model.kimi_vl import KimiVL
from model.moe import GatedMLP, MixtureOfExperts
from model.moonvit import MoonViT

SPREAD = 0.02
"""Standard deviation of every weight, as `initializer_range` of the public config."""


def random_fused(config: KimiVLConfig, device: torch.device, bits: Bits) -> KimiVL:
    """In bfloat16, its products in int4 if `bits` is 4."""
    with torch.device("meta"):
        network = KimiVL(config).to(torch.bfloat16)
    text, decoder = config.text, network.language_model
    for layer in decoder.model.layers:
        if isinstance(layer.mlp, MixtureOfExperts):
            layer.mlp = _mixture(layer.mlp, text, device, bits)
        elif bits == 4:
            layer.mlp = _int4_mlp(text.hidden_size, text.intermediate_size, device)
        if bits == 4:
            attention = layer.self_attn
            for name in ("q_proj", "kv_a_proj_with_mqa", "o_proj"):
                rows, columns = getattr(attention, name).weight.shape
                setattr(attention, name, Int4Linear(random_packed(rows, columns, device)))
    if bits == 4:
        head = random_packed(text.vocab_size, text.hidden_size, device)
        decoder.register_module("lm_head", Int4Linear(head))
    _fill(network, device)
    return network.eval()


def random_tower(config: KimiVLConfig, device: torch.device) -> MoonViT:
    with torch.device("meta"):
        tower = MoonViT(config.vision).to(torch.bfloat16)
    _fill(tower, device)
    return tower.eval()


def random_packed(rows: int, columns: int, device: torch.device, *stack: int) -> Packed:
    tiles = tiles_together(columns)
    shape = (*stack, rows // 8, columns // (16 * tiles), 32, tiles // 2)
    weights = torch.randint(-(1 << 31), (1 << 31) - 1, shape, dtype=torch.int32, device=device)
    scales = torch.empty(columns // GROUP, *stack, rows, 2, dtype=torch.bfloat16, device=device)
    # q is even from 0 to 15, its deviation 4.6, its mean half a step above the middle.
    scales[..., 0] = SPREAD / 4.6
    scales[..., 1] = SPREAD / 9.2
    return Packed(weights, scales)


def random_wide(device: torch.device, *shape: int) -> Tensor:
    return torch.empty(shape, dtype=torch.bfloat16, device=device).normal_(std=SPREAD)


def random_experts(text: TextConfig, device: torch.device, bits: Bits) -> WideExperts | Int4Experts:
    dim, hidden, count = text.hidden_size, text.moe_intermediate_size, text.n_routed_experts
    if bits == 16:
        return WideExperts(
            random_wide(device, count, 2 * hidden, dim),
            random_wide(device, count, dim, hidden),
            grouped=has_grouped(device, torch.bfloat16),
        )
    return Int4Experts(
        random_packed(2 * hidden, dim, device, count), random_packed(dim, hidden, device, count)
    )


def _mixture(
    mixture: MixtureOfExperts, text: TextConfig, device: torch.device, bits: Bits
) -> FusedMixture:
    shared: nn.Module = mixture.shared_experts
    if bits == 4:
        width = text.moe_intermediate_size * text.n_shared_experts
        shared = _int4_mlp(text.hidden_size, width, device)
    else:
        assert isinstance(shared, GatedMLP)
    return FusedMixture(mixture.gate, random_experts(text, device, bits), shared)


def _int4_mlp(dim: int, hidden: int, device: torch.device) -> Int4GatedMLP:
    return Int4GatedMLP(
        Int4Linear(random_packed(2 * hidden, dim, device)),
        Int4Linear(random_packed(dim, hidden, device)),
    )


def _fill(network: nn.Module, device: torch.device) -> None:
    """Everything that has no numbers yet."""
    for module in network.modules():
        for name, parameter in list(module.named_parameters(recurse=False)):
            if parameter.is_meta:
                filled = torch.empty(parameter.shape, dtype=parameter.dtype, device=device)
                is_scale = parameter.ndim == 1 and name == "weight"
                filled = filled.fill_(1.0) if is_scale else filled.normal_(std=SPREAD)
                setattr(module, name, nn.Parameter(filled, requires_grad=False))
        for name, buffer in list(module.named_buffers(recurse=False)):
            if buffer.is_meta:
                setattr(module, name, torch.zeros(buffer.shape, device=device))
