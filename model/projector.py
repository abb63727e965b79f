"""From four neighbouring patches to one token of the decoder.

Shapes: T tokens, 4 patches each, C vision channels, D text channels.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from model.config import KimiVLConfig
from model.moonvit import LAYER_NORM_EPS


class Projector(nn.Module):
    def __init__(self, config: KimiVLConfig) -> None:
        super().__init__()
        channels = config.vision.hidden_size
        hidden = channels * config.vision.merge**2
        self.pre_norm = nn.LayerNorm(channels, eps=LAYER_NORM_EPS)
        self.linear_1 = nn.Linear(hidden, hidden)
        self.linear_2 = nn.Linear(hidden, config.text.hidden_size)

    def forward(self, groups_T4C: Tensor) -> Tensor:
        # The exact GELU here, the tanh one in the vision blocks: so the checkpoints were trained.
        return self.linear_2(F.gelu(self.linear_1(self.pre_norm(groups_T4C).flatten(1))))
