"""Weights in and out: strict safetensors in the public layout.

A checkpoint is used whole or not at all: every tensor once, with the right name, shape
and a floating type, finite, from files that lie in the folder (`model.checkpoint` looks
before anything is loaded). Nothing is unpickled. Tensors are taken one at a time, so that
beside the network's own memory there is at most one file's.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from model.checkpoint import INDEX, SINGLE, shards_of
from model.config import KimiVLConfig
from model.errors import CheckpointError

SHARD_BYTES = 5_000_000_000
"""Of the public checkpoint's files, at most."""

OnProgress = Callable[[int, int], None]
"""Bytes of tensors read so far, and of all."""


def read_weights(
    network: nn.Module,
    folder: Path,
    *,
    dtype: torch.dtype,
    device: torch.device,
    on_progress: OnProgress | None = None,
) -> None:
    """Fill a network made on the meta device, one tensor at a time.

    Raises:
        CheckpointError: see the module's first paragraph; the message names the tensor.
    """
    state = network.state_dict()
    expected = {name: tuple(tensor.shape) for name, tensor in state.items()}
    # Weights on a grid are used in place, as bytes of the mapped file.
    on_grid = {name for name, tensor in state.items() if tensor.dtype == torch.uint8}
    kinds = dict.fromkeys(on_grid, "U8") | {rows_name(name): "F32" for name in on_grid}
    shards = shards_of(folder, expected, kinds)
    num_bytes, num_read = sum(shard.num_bytes for shard in shards), 0
    loaded: dict[str, Tensor] = {}
    for shard in shards:
        for name, tensor in _tensors_of(shard.path, shard.names):
            # `quantize` has looked at its embeddings, and looking at them here would make all of
            # them resident: of 671 MB a conversation uses a few.
            unseen = name in on_grid or (on_grid and name.endswith("embed_tokens.weight"))
            if not unseen and not torch.isfinite(tensor).all():
                raise CheckpointError(f"{name} holds values that are not finite")
            if name in kinds:
                loaded[name] = tensor.to(device)
            else:
                # The balance of the experts is compared with float32 scores: never rounded. A
                # copy, since one small tensor would keep the whole file it lies in mapped.
                is_balance = name.endswith("e_score_correction_bias")
                loaded[name] = tensor.to(
                    device=device, dtype=torch.float32 if is_balance else dtype, copy=is_balance
                )
            num_read += tensor.nbytes
            if on_progress is not None:
                on_progress(num_read, num_bytes)
    network.load_state_dict(loaded, strict=True, assign=True)


def rows_name(name: str) -> str:
    """Of the floats that belong to a matrix on a grid (`model.quantized.plan.LAYOUT`)."""
    return f"{name}_rows"


def write_weights(
    network: nn.Module,
    config: KimiVLConfig,
    folder: Path,
    dtype: torch.dtype | None = None,
    *,
    shard_bytes: int = SHARD_BYTES,
) -> None:
    """Write `config.json`, `preprocessor_config.json` and the tensors.

    Args:
        dtype: of the parameters in the file; None: the one each has.
        shard_bytes: more than these go into several files and an index.
    """
    folder.mkdir(parents=True, exist_ok=True)
    parameters = {name for name, _ in network.named_parameters()}
    kinds = {
        name: dtype if dtype is not None and name in parameters else tensor.dtype
        for name, tensor in network.state_dict().items()
    }
    tensors = network.state_dict()
    groups = _in_shards({n: t.numel() * kinds[n].itemsize for n, t in tensors.items()}, shard_bytes)
    files = [
        f"model-{place:05}-of-{len(groups):05}.safetensors" for place in range(1, len(groups) + 1)
    ]
    if len(groups) == 1:
        files = [SINGLE]
    for file, names in zip(files, groups, strict=True):
        # Whoever has the older file mapped goes on reading it; writing into it would crash them.
        partial = folder / f"{file}.partial"
        save_file(
            {name: tensors[name].detach().to("cpu", kinds[name]).contiguous() for name in names},
            partial,
            metadata={"format": "pt"},
        )
        partial.replace(folder / file)
    if len(groups) == 1:
        (folder / INDEX).unlink(missing_ok=True)
    else:
        weight_map = {
            name: file for file, names in zip(files, groups, strict=True) for name in names
        }
        size = sum(t.numel() * kinds[n].itemsize for n, t in tensors.items())
        index = {"metadata": {"total_size": size}, "weight_map": weight_map}
        (folder / INDEX).write_text(json.dumps(index, indent=2) + "\n")
        (folder / SINGLE).unlink(missing_ok=True)
    (folder / "config.json").write_text(json.dumps(config.to_hf(), indent=2) + "\n")
    (folder / "preprocessor_config.json").write_text(
        json.dumps(preprocessor_of(config), indent=2) + "\n"
    )


def preprocessor_of(config: KimiVLConfig) -> dict[str, Any]:
    """The public `preprocessor_config.json`."""
    return {
        "in_token_limit": config.in_token_limit,
        "patch_size": config.vision.patch_size,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
        "pad_input": True,
    }


def _in_shards(sizes: Mapping[str, int], most: int) -> list[list[str]]:
    """Names in their order, cut where a file would become too large."""
    groups: list[list[str]] = []
    room = 0
    for name, size in sizes.items():
        if not groups or size > room:
            groups.append([])
            room = most
        groups[-1].append(name)
        room -= size
    return groups


def _tensors_of(path: Path, names: Sequence[str]) -> Iterator[tuple[str, Tensor]]:
    try:
        with safe_open(path, framework="pt") as shard:
            for name in names:
                yield name, shard.get_tensor(name)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} cannot be read as safetensors: {error}") from error
