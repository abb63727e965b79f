"""One safetensors file, written as its tensors come, whole or not at all.

The header is known before the first tensor, so nothing waits in memory; tensors begin at
multiples of 64 bytes where those before them are such, which is what kernels read best.
Source of the format: https://huggingface.co/docs/safetensors.
"""

import errno
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Sequence
from math import prod
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from model.checkpoint import ITEM_BYTES
from model.errors import CheckpointError

KINDS = {torch.uint8: "U8", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}
ALIGNED = 64


class Output(NamedTuple):
    name: str
    kind: str
    shape: tuple[int, ...]
    pieces: Callable[[], Iterable[Tensor]]
    """Its bytes, in order; asked for when the tensors before it are written."""

    @property
    def num_bytes(self) -> int:
        return prod(self.shape) * ITEM_BYTES[self.kind]


class Written(NamedTuple):
    num_bytes: int
    sha256: str


def write_tensors(path: Path, outputs: Sequence[Output]) -> Written:
    """Write, sync, and only then give the file its name.

    Raises:
        CheckpointError: the disk is full, or does not take it; nothing is left of it.
    """
    partial = path.with_name(f"{path.name}.partial")
    digest = hashlib.sha256()
    try:
        with partial.open("wb") as file:
            for piece in _bytes_of(outputs):
                file.write(piece)
                digest.update(piece)
            file.flush()
            os.fsync(file.fileno())
            size = file.tell()
        partial.replace(path)
    except BaseException as error:
        partial.unlink(missing_ok=True)
        if not isinstance(error, OSError):
            raise
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            needed = sum(output.num_bytes for output in outputs)
            raise CheckpointError(
                f"no room for {path.name} ({needed / 1e9:.2f} GB) in {path.parent}:"
                f" {error.strerror}"
            ) from error
        raise CheckpointError(f"{path} cannot be written: {error}") from error
    return Written(size, digest.hexdigest())


def _bytes_of(outputs: Sequence[Output]) -> Iterable[memoryview | bytes]:
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    position = 0
    for output in outputs:
        end = position + output.num_bytes
        header[output.name] = {
            "dtype": output.kind,
            "shape": list(output.shape),
            "data_offsets": [position, end],
        }
        position = end
    text = json.dumps(header, separators=(",", ":")).encode()
    # The format allows spaces at the end of a header.
    text += b" " * (-(8 + len(text)) % ALIGNED)
    yield len(text).to_bytes(8, "little") + text
    for output in outputs:
        written = 0
        for tensor in output.pieces():
            assert KINDS[tensor.dtype] == output.kind, output.name
            content = tensor.contiguous().view(-1).view(torch.uint8).numpy().data
            written += len(content)
            yield content
        assert written == output.num_bytes, (output.name, written, output.num_bytes)
