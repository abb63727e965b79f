"""A checkpoint of Kimi-VL-A3B's sizes with random weights: the public layout, or in 4 or 8 bits.

Every tensor is a piece of the same random numbers, so that the disk is what takes the time: the
whole of it in 4 bits is written by the product's own conversion in a stream, only that the grid
of a matrix is drawn instead of searched for. Speeds are the same for any weights; errors are not
and have nothing to do here.

    python -m benchmarks.a3b_folder /tmp/a3b4 --bits 4
    python -m benchmarks.a3b_folder /tmp/a3b16 --bits 16 --layers 2
"""

import argparse
import json
import sys
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from model.checkpoint import INDEX  # noqa: E402
from model.config import KimiVLConfig, TextConfig, VisionConfig  # noqa: E402
from model.kernels.contract import Fitted  # noqa: E402
from model.kernels.plain import PlainKernels  # noqa: E402
from model.quantized.convert import quantize  # noqa: E402
from model.quantized.grid import ROWS, Packed, packed_shape  # noqa: E402
from model.quantized.parts import parts_of, plain_shapes  # noqa: E402
from model.quantized.plan import Plan  # noqa: E402
from model.quantized.tensor_file import Output, write_tensors  # noqa: E402
from model.shelf import NANO_WEIGHTS  # noqa: E402
from model.tokenizer import NUM_SPECIAL  # noqa: E402
from model.weights import preprocessor_of  # noqa: E402

SPREAD = 0.02
"""Standard deviation of the weights, `initializer_range` of the public config."""
POOL = 1 << 26
"""Random numbers kept; a larger tensor repeats them."""


def a3b(num_layers: int = 27) -> KimiVLConfig:
    return KimiVLConfig(vision=VisionConfig(), text=TextConfig(num_hidden_layers=num_layers))


class RandomSource:
    """A `model.quantized.source.TensorSource`."""

    def __init__(self, config: KimiVLConfig) -> None:
        self._shapes = plain_shapes(config)
        made = torch.Generator().manual_seed(0)
        self._pool = torch.empty(POOL, dtype=torch.bfloat16).normal_(std=SPREAD, generator=made)

    def tensor(self, name: str) -> Tensor:
        shape = self._shapes[name]
        if name.endswith("e_score_correction_bias"):
            return torch.zeros(shape)
        if len(shape) == 1 and "norm" in name and name.endswith("weight"):
            return torch.ones(shape, dtype=torch.bfloat16)
        count = prod(shape)
        pieces = [self._pool] * (count // POOL) + [self._pool[: count % POOL]]
        return (torch.cat(pieces) if len(pieces) > 1 else pieces[0]).view(shape)

    def identity(self) -> Mapping[str, Any]:
        return {"random": 0}


class RandomKernels(PlainKernels):
    """Draws a grid instead of fitting one; weights of about the same spread, around zero."""

    def __init__(self) -> None:
        made = torch.Generator().manual_seed(1)
        self._pool = torch.randint(0, 256, (POOL,), generator=made, dtype=torch.uint8)

    def fit(self, weight_NK: Tensor, bits: int, importance_K: Tensor | None) -> Fitted:
        num_rows, num_inputs = weight_NK.shape
        shape = packed_shape(num_rows, num_inputs, bits)
        most = 2**bits - 1
        # Of step * s * code - low * m, all three uniform: as much below zero as above.
        step = SPREAD / (128 * most / 2)
        rows = torch.empty(shape[0], 2 * ROWS)
        rows[:, :ROWS], rows[:, ROWS:] = step, step * most / 2
        return Fitted(Packed(self._pool[: prod(shape)].view(shape), rows), 0.0, 1.0)


def write_folder(out: Path, config: KimiVLConfig, bits: int) -> None:
    source = RandomSource(config)
    texts = {"tiktoken.model": vocabulary(config.text.vocab_size - NUM_SPECIAL)}
    if bits in (4, 8):
        plan = Plan(experts=bits, attention=bits, head=bits)
        quantize(source, config, out, plan, RandomKernels(), copied=texts)
        return
    out.mkdir(parents=True)
    (out / "tiktoken.model").write_bytes(texts["tiktoken.model"])
    weight_map: dict[str, str] = {}
    num_bytes = 0
    parts = parts_of(config)
    for place, part in enumerate(parts, start=1):
        file = f"model-{place:05}-of-{len(parts):05}.safetensors"
        names = [name for name in plain_shapes(config) if name.startswith(part.prefixes)]
        outputs = [_plain(name, source.tensor(name)) for name in names]
        num_bytes += write_tensors(out / file, outputs).num_bytes
        weight_map |= dict.fromkeys(names, file)
    for name, told in {
        INDEX: {"metadata": {"total_size": num_bytes}, "weight_map": weight_map},
        "preprocessor_config.json": preprocessor_of(config),
        "config.json": config.to_hf(),
    }.items():
        (out / name).write_text(json.dumps(told, indent=1) + "\n")


def vocabulary(num_ranks: int) -> bytes:
    """A `tiktoken.model` of the real length: nano's ranks, and after them bytes that no text has,
    so that prompts are cut as nano cuts them, about twice as finely as the public one would."""
    lines = (NANO_WEIGHTS / "tiktoken.model").read_bytes().splitlines()
    for rank in range(len(lines), num_ranks):
        lines.append(b64encode(b"\xff\xfe" + rank.to_bytes(3, "big")) + b" %d" % rank)
    return b"\n".join(lines) + b"\n"


def _plain(name: str, tensor: Tensor) -> Output:
    kind = "F32" if tensor.dtype == torch.float32 else "BF16"
    return Output(name, kind, tuple(tensor.shape), lambda: [tensor])


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--layers", type=int, default=27)
    parser.add_argument("--bits", type=int, choices=(4, 8, 16), default=4)
    parser.add_argument("--patches", type=int, default=4096, help="a picture may have")
    options = parser.parse_args(words)
    config = replace(a3b(options.layers), in_token_limit=options.patches)
    write_folder(options.out, config, options.bits)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
