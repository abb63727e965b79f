"""MoonViT at its real sizes on a processor: ours beside the plain way, block for block.

Plain is what the public code does there: linear maps of bfloat16, rotations as complex float32
numbers, torch's own attention. Both have the same random weights and turns at the same pictures;
few blocks stand for 27, since all are alike. How far the outcomes differ is told too.

    python -m benchmarks.moonvit --blocks 4 --patches 4096 10764 --json moonvit.json
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

GRIDS = {1024: (32, 32), 4096: (64, 64), 10764: (78, 138)}
"""Patches, their rows and columns: 4096 is Instruct's limit, 10764 is 1920x1080."""
WHOLE = 27


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--blocks", type=int, default=4, help="measured, of 27")
    parser.add_argument("--patches", type=int, nargs="+", default=[4096, 10764], choices=GRIDS)
    parser.add_argument("--turns", type=int, default=2, help="of each")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(words)
    # Read when the libraries start, which is why torch waits.
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    found = measure(options.blocks, options.patches, options.turns, options.threads)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0


def measure(
    num_blocks: int, numbers: list[int], turns: int, threads: int
) -> dict[str, dict[str, float]]:
    import torch
    import torch.nn.functional as F
    from torch import Tensor

    from model.config import VisionConfig
    from model.kernels.choice import best_kernels
    from model.moonvit import Encoder, Grid, VisionBlock
    from model.rope import patch_angles

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    config = VisionConfig(num_hidden_layers=num_blocks)
    encoder = Encoder(config).bfloat16().eval().requires_grad_(False)
    # As in a network in 4 bits, whose pictures stay in bfloat16.
    kernels = best_kernels(torch.device("cpu"))
    for block in encoder.blocks:
        assert isinstance(block, VisionBlock)
        block.kernels = kernels
    for name, parameter in encoder.named_parameters():
        if "norm" not in name:
            parameter.normal_(std=0.02)

    def turned(part: Tensor, turn: Tensor) -> Tensor:
        numbers = torch.view_as_complex(part.float().unflatten(-1, (-1, 2))) * turn[:, None]
        return torch.view_as_real(numbers).flatten(-2).type_as(part)

    def plain_block(block: VisionBlock, x: Tensor, turn: Tensor) -> Tensor:
        qkv = block.wqkv(block.norm0(x)).view(len(x), 3, config.num_attention_heads, -1)
        query, key, value = qkv.unbind(1)
        query, key = turned(query, turn), turned(key, turn)
        query, key, value = (part.transpose(0, 1)[None] for part in (query, key, value))
        mixed = F.scaled_dot_product_attention(query, key, value)
        x = x + block.wo(mixed[0].transpose(0, 1).flatten(1))
        hidden = F.gelu(block.mlp.fc0(block.norm1(x)), approximate="tanh")
        return x + block.mlp.fc1(hidden)

    def plain(x: Tensor, grid: Grid) -> Tensor:
        angles = patch_angles(*grid, config.head_dim)
        turn = torch.polar(torch.ones_like(angles), angles)
        for block in encoder.blocks:
            assert isinstance(block, VisionBlock)
            x = plain_block(block, x, turn)
        return encoder.final_layernorm(x)

    def seconds(run: Callable[..., Tensor], *given: Any) -> tuple[float, Tensor]:
        began = time.perf_counter()
        outcome = run(*given)
        return time.perf_counter() - began, outcome

    found: dict[str, dict[str, float]] = {}
    with torch.inference_mode():
        small, warm = Grid(16, 16), torch.randn(256, config.hidden_size, dtype=torch.bfloat16)
        encoder(warm, [small])
        plain(warm, small)
        for number in numbers:
            grid = Grid(*GRIDS[number])
            x = torch.randn(number, config.hidden_size, dtype=torch.bfloat16)
            spent: dict[str, list[float]] = {"ours": [], "plain": []}
            for _ in range(turns):
                took, ours = seconds(encoder, x, [grid])
                spent["ours"].append(took)
                took, expected = seconds(plain, x, grid)
                spent["plain"].append(took)
            difference = float((ours - expected).float().norm() / expected.float().norm())
            row = {
                "patches": number,
                "blocks": num_blocks,
                "difference": difference,
                **{f"{name}_s_of_27": median(t) * WHOLE / num_blocks for name, t in spent.items()},
            }
            found[str(number)] = row
            print(json.dumps({"kind": "vision", **row}), flush=True)
    return found


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
