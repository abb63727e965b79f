"""Where the network runs and in which numbers, by what the machine has."""

import os
from pathlib import Path
from typing import Literal, NamedTuple

import torch

SMALL_BYTES = 1 << 30
"""Weights up to here are computed with in float32 on a CPU, at twice the memory.

A pass over a few tokens repacks every bfloat16 matrix: decoding with nano took half as long
in float32 on an AVX-512 machine without AMX, and as long on one with avx512_bf16
(`benchmarks/step.py --dtype`). Larger weights would cost more memory than that is worth.
"""


BFLOAT16_FLAGS = frozenset(("avx512_bf16", "amx_bf16"))

ROOM_BYTES = 4 << 30
"""On a card beside the weights: a cache of 32,000 tokens, pictures of 10,764 patches and what their
passes need took 2.5 GB (`benchmarks/gpu.py`)."""


class Place(NamedTuple):
    device: torch.device
    dtype: torch.dtype


def best_place(num_bytes: int) -> Place:
    """For a checkpoint whose files have `num_bytes`: a GPU if there is one, else the CPU."""
    if torch.cuda.is_available():
        return Place(torch.device("cuda"), torch.bfloat16)
    small = num_bytes <= SMALL_BYTES
    return Place(torch.device("cpu"), torch.float32 if small else torch.bfloat16)


def quick_products(cpu_info: Path = Path("/proc/cpuinfo")) -> Literal["float32", "bfloat16"]:
    """The numbers that a training multiplies fastest here: bfloat16 with instructions for it.

    On an AMD EPYC with avx512_bf16 nano's steps take 3.6 s in it and 5.3 s in float32; on an
    AVX-512 machine without, float32 is faster by a half (2026-11-26, 2 cores).

    Args:
        cpu_info: where Linux tells what the processor can; elsewhere it is not known.
    """
    if torch.cuda.is_available():
        return "bfloat16"
    known = cpu_info.read_text().split() if cpu_info.exists() else []
    return "float32" if BFLOAT16_FLAGS.isdisjoint(known) else "bfloat16"


def threads_worth(load: float, num_cores: int) -> int:
    """How many threads of a CPU to compute with beside what else it does: a fair share.

    Each of a network's many small operations waits for the last of its threads, and while others
    want the cores one of them is always asleep: at a load of 26 on 2 cores nano decoded 40
    tokens in a second with one thread and 2 with two.
    """
    return min(num_cores, max(1, round(num_cores * num_cores / max(load, 0.01))))


def leave_room() -> None:
    """Compute with fewer threads where the CPU is crowded; never with more than before, and as
    the user says where OMP_NUM_THREADS does."""
    if "OMP_NUM_THREADS" not in os.environ:
        load, _, _ = os.getloadavg()
        worth = threads_worth(load, len(os.sched_getaffinity(0)))
        torch.set_num_threads(min(torch.get_num_threads(), worth))


def stored_bytes(folder: Path) -> int:
    """Of the tensors in a checkpoint's folder."""
    return sum(path.stat().st_size for path in folder.glob("*.safetensors"))


def bits_on_card(num_bytes: int, free_bytes: int) -> Literal[4, 16]:
    """A weight of a checkpoint of `num_bytes` in 16 bits: 16 if that leaves room, else 4."""
    return 16 if num_bytes + ROOM_BYTES <= free_bytes else 4
