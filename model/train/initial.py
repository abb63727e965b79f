"""Where training from nothing starts."""

import torch
from torch import nn

from model.config import KimiVLConfig
from model.kimi_vl import KimiVL

STANDARD_DEVIATION = 0.02
"""`initializer_range` of the public config."""


def random_network(config: KimiVLConfig, seed: int) -> KimiVL:
    """Float32 weights drawn from the seed; the products into the residual scaled by depth."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = KimiVL(config)
        depth = {
            "vision_tower": config.vision.num_hidden_layers,
            "language_model": config.text.num_hidden_layers,
        }
        for name, parameter in network.named_parameters():
            if parameter.ndim == 1:
                nn.init.constant_(parameter, 1.0 if _is_norm_scale(name) else 0.0)
                continue
            scale = STANDARD_DEVIATION
            if name.endswith(("wo.weight", "fc1.weight", "o_proj.weight", "down_proj.weight")):
                scale /= (2 * depth[name.split(".")[0]]) ** 0.5
            nn.init.normal_(parameter, std=scale)
    return network


def _is_norm_scale(name: str) -> bool:
    return "norm" in name and name.endswith("weight")
