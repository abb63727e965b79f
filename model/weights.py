"""Weights in and out: strict safetensors in the public layout.

A checkpoint is used whole or not at all: every tensor once, with the right name, shape
and a floating type, finite, from files that lie in the folder. Nothing is unpickled.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from model.config import KimiVLConfig
from model.errors import CheckpointError

INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"

IGNORED = re.compile(r"language_model\.model\.layers\.\d+\.self_attn\.rotary_emb\.inv_freq")
"""Stored in the public files, computed here."""

FLOATS = {"F32", "F16", "BF16"}
MAX_HEADER_BYTES = 16 << 20


def read_weights(
    network: nn.Module, folder: Path, *, dtype: torch.dtype, device: torch.device
) -> None:
    """Fill a network made on the meta device, one tensor at a time.

    Raises:
        CheckpointError: see the module's first paragraph; the message names the tensor.
    """
    expected = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    loaded: dict[str, Tensor] = {}
    for name, tensor in _stored_tensors(folder):
        if IGNORED.fullmatch(name):
            continue
        if name not in expected:
            raise CheckpointError(f"{folder} holds {name}, which this model does not have")
        if name in loaded:
            raise CheckpointError(f"{name} is stored twice in {folder}")
        if tuple(tensor.shape) != expected[name]:
            raise CheckpointError(
                f"{name} has shape {tuple(tensor.shape)}; expected {expected[name]}"
            )
        if not torch.isfinite(tensor).all():
            raise CheckpointError(f"{name} holds values that are not finite")
        # The balance of the experts is compared with float32 scores: never rounded.
        kept = torch.float32 if name.endswith("e_score_correction_bias") else dtype
        loaded[name] = tensor.to(device=device, dtype=kept)
    missing = sorted(expected.keys() - loaded.keys())
    if missing:
        raise CheckpointError(
            f"{folder} lacks {len(missing)} of {len(expected)} tensors, first {missing[0]}"
        )
    network.load_state_dict(loaded, assign=True)


def write_weights(
    network: nn.Module, config: KimiVLConfig, folder: Path, dtype: torch.dtype | None = None
) -> None:
    """Write `config.json`, `preprocessor_config.json` and the tensors.

    Args:
        dtype: of the parameters in the file; None: the one each has.
    """
    folder.mkdir(parents=True, exist_ok=True)
    parameters = {name for name, _ in network.named_parameters()}
    tensors = {
        name: tensor.detach().to("cpu", dtype if name in parameters else None).contiguous()
        for name, tensor in network.state_dict().items()
    }
    # Whoever has the older file mapped goes on reading it; writing into it would crash them.
    partial = folder / f"{SINGLE}.partial"
    save_file(tensors, partial, metadata={"format": "pt"})
    partial.replace(folder / SINGLE)
    (folder / "config.json").write_text(json.dumps(config.to_hf(), indent=2) + "\n")
    preprocessor = {
        "in_token_limit": config.in_token_limit,
        "patch_size": config.vision.patch_size,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
        "pad_input": True,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(preprocessor, indent=2) + "\n")


def _stored_tensors(folder: Path) -> Iterator[tuple[str, Tensor]]:
    for path in _shards(folder):
        _refuse_odd_file(path)
        try:
            with safe_open(path, framework="pt") as shard:
                for name in shard.keys():  # noqa: SIM118 (a safetensors handle is no mapping)
                    kind = shard.get_slice(name).get_dtype()
                    if kind not in FLOATS:
                        raise CheckpointError(f"{name} is of type {kind}; expected {FLOATS}")
                    yield name, shard.get_tensor(name)
        except (SafetensorError, OSError) as error:
            raise CheckpointError(f"{path} cannot be read as safetensors: {error}") from error


def _shards(folder: Path) -> list[Path]:
    index = folder / INDEX
    if not index.exists():
        if not (folder / SINGLE).exists():
            raise CheckpointError(f"no {SINGLE} and no {INDEX} in {folder}")
        return [folder / SINGLE]
    try:
        names = set(json.loads(index.read_bytes())["weight_map"].values())
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"{index} has no usable weight_map: {error}") from error
    for name in names:
        if not isinstance(name, str) or Path(name).name != name:
            raise CheckpointError(f"{index} names the file {name!r}; expected one of its folder")
        if not (folder / name).is_file():
            raise CheckpointError(f"{index} names {name}, which is not a file in {folder}")
    return [folder / name for name in sorted(names)]


def _refuse_odd_file(path: Path) -> None:
    if path.is_symlink() and path.resolve().suffix not in ("", ".safetensors"):
        raise CheckpointError(f"{path} is a link to {path.resolve()}; expected a safetensors file")
    with path.open("rb") as file:
        header_bytes = int.from_bytes(file.read(8), "little")
    if header_bytes > MAX_HEADER_BYTES:
        raise CheckpointError(
            f"{path} declares a header of {header_bytes} bytes; at most {MAX_HEADER_BYTES} expected"
        )
