"""The compiled kernels on the shapes of Kimi-VL-A3B, for every set of instructions here.

    python -m benchmarks.kernels --check      # each against torch, then how fast
    python -m benchmarks.kernels --check --layers 4 --tokens 2048

Needs torch, numpy and safetensors, and g++ if the library is not made yet. Rates are of weights
read from memory (one token: `--layers` different layers in turn, more than the caches hold) and of
products (many tokens).
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from model.kernels.build import library
from model.kernels.compiled import CompiledKernels, Variant
from model.kernels.plain import PlainKernels
from model.quantized.grid import ROWS, Packed, packed_shape

WIDTH, HIDDEN, EXPERTS, CHOSEN = 2048, 1408, 66, 8


def drawn(num_rows: int, num_inputs: int, bits: int, *stacked: int) -> Packed:
    """Any bytes are codes, steps and lows; rows are scaled so that outcomes are of size 1."""
    shape = packed_shape(num_rows, num_inputs, bits)
    blocks = torch.randint(0, 256, (*stacked, *shape), dtype=torch.uint8)
    size = 1.0 / (128 * 2**bits * num_inputs**0.5)
    rows = torch.full((*stacked, shape[0], 2 * ROWS), size)
    # Lows of about half the span: the mean of the weights is near nought.
    rows[..., ROWS:] = size * (2**bits - 1) / 2
    return Packed(blocks, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--check", action="store_true", help="compare with torch first")
    parser.add_argument("--layers", type=int, default=3, help="of experts, different ones")
    parser.add_argument("--tokens", type=int, default=1024, help="of a prompt")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument(
        "--processor-time", action="store_true", help="with --threads 1, where others are at work"
    )
    parser.add_argument("--out", type=Path, help="a JSON file of what is printed")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    clock = time.process_time if options.processor_time else time.perf_counter
    torch.manual_seed(0)
    every = CompiledKernels(library())
    print(f"{options.threads} threads; {[variant.name for variant in every.supported()]}")
    found = []
    for variant in every.supported():
        kernels = CompiledKernels(library(), variant)
        for bits in (4, 8):
            row: dict[str, object] = {"variant": variant.name, "bits": bits}
            if options.check:
                row["differences"] = dict(differences(kernels, bits))
            if variant is not Variant.PLAIN:
                row |= rates(kernels, bits, options.layers, options.tokens, clock)
            found.append(row)
            print(json.dumps(row))
    if options.out:
        options.out.write_text(json.dumps(found, indent=1) + "\n")


def differences(kernels: CompiledKernels, bits: int) -> Iterator[tuple[str, float]]:
    """Relative, of what torch computes.

    Raises:
        AssertionError: more than another order of sums (which may turn a hidden value to the next
            whole number) or AMX's bfloat16 explains.
    """
    plain = PlainKernels()
    matrix = drawn(576, WIDTH, bits)
    gate_up, down = drawn(2 * HIDDEN, WIDTH, bits, 3), drawn(WIDTH, HIDDEN, bits, 3)
    for num_tokens in (1, 9, 70):
        x = torch.randn(num_tokens, WIDTH)
        experts = torch.rand(num_tokens, 3).argsort(1)[:, :2]
        weights = torch.rand(num_tokens, 2)
        pairs = {
            "linear": [k.linear(x, matrix, bits, 576) for k in (plain, kernels)],
            "experts": [
                k.experts(x, gate_up, down, bits, experts, weights) for k in (plain, kernels)
            ],
        }
        most = 1e-2 if kernels.variant is Variant.AMX and num_tokens > 9 else 1e-3
        for name, (expected, computed) in pairs.items():
            difference = float((computed - expected).norm() / expected.norm())
            assert difference < most, (kernels.variant.name, bits, name, num_tokens, difference)
            yield f"{name} of {num_tokens}", difference


def rates(
    kernels: CompiledKernels,
    bits: int,
    num_layers: int,
    num_tokens: int,
    clock: Callable[[], float],
) -> dict[str, float]:
    layers = [
        (drawn(2 * HIDDEN, WIDTH, bits, EXPERTS), drawn(WIDTH, HIDDEN, bits, EXPERTS))
        for _ in range(num_layers)
    ]
    one = torch.randn(1, WIDTH, dtype=torch.bfloat16)
    many = torch.randn(num_tokens, WIDTH, dtype=torch.bfloat16)

    def chosen(count: int) -> tuple[torch.Tensor, torch.Tensor]:
        routed = torch.rand(count, EXPERTS - 2).argsort(1)[:, : CHOSEN - 2]
        shared = torch.arange(EXPERTS - 2, EXPERTS).expand(count, -1)
        return torch.cat((routed, shared), dim=1), torch.rand(count, CHOSEN)

    decode = seconds(
        lambda at: kernels.experts(one, *layers[at % num_layers], bits, *chosen(1)), 40, clock
    )
    prompt = chosen(num_tokens)
    prefill = seconds(
        lambda at: kernels.experts(many, *layers[at % num_layers], bits, *prompt),
        num_layers,
        clock,
    )
    weights = 3 * WIDTH * HIDDEN * CHOSEN
    return {
        "one token, ms a layer": 1e3 * decode,
        "weights read, GB/s": weights * (bits + 0.5) / 8 / decode / 1e9,
        f"{num_tokens} tokens, ms a layer": 1e3 * prefill,
        "products, TFLOP/s": 2 * weights * num_tokens / prefill / 1e12,
    }


def seconds(call: Callable[[int], object], times: int, clock: Callable[[], float]) -> float:
    """Of one call; the median, since others may be at work here too."""
    call(0)
    taken = []
    for at in range(times):
        start = clock()
        call(at)
        taken.append(clock() - start)
    return sorted(taken)[len(taken) // 2]


if __name__ == "__main__":
    main()
