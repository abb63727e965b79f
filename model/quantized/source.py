"""Where the weights to be quantized come from: any reader of tensors by their public names.

A checkpoint's folder is read with plain reads of one tensor at a time: a mapped file would count
as memory of ours, page by page, until all 33 GB were.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from model.checkpoint import INDEX, Place, Shapes, places_of
from model.errors import CheckpointError

DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


class TensorSource(Protocol):
    def tensor(self, name: str) -> Tensor:
        """On the CPU, of some floating type, finite.

        Raises:
            CheckpointError: it cannot be read, or the source has changed since it was opened.
        """
        ...

    def identity(self) -> Mapping[str, Any]:
        """What tells this source from another: equal to itself after JSON."""
        ...


class FolderSource:
    """A checkpoint in the public layout."""

    def __init__(self, folder: Path, expected: Shapes) -> None:
        """
        Raises:
            CheckpointError: missing, cut off, or not the tensors expected.
        """
        self.folder = folder
        self._places: dict[str, Place] = places_of(folder, expected)
        self._stats = {path: _stat(path) for path in {p.path for p in self._places.values()}}

    def tensor(self, name: str) -> Tensor:
        path, kind, shape, start, num_bytes = self._places[name]
        content = bytearray(num_bytes)
        try:
            with path.open("rb", buffering=0) as file:
                file.seek(start)
                num_read, view = 0, memoryview(content)
                while num_read < num_bytes:
                    more = file.readinto(view[num_read:])
                    if not more:
                        break
                    num_read += more
        except OSError as error:
            raise CheckpointError(f"{path} cannot be read: {error}") from error
        # Looked at after the reading: what was changed before or meanwhile shows.
        if num_read < num_bytes or _stat(path) != self._stats[path]:
            raise CheckpointError(
                f"{path} has changed since it was opened; a conversion needs it as it was"
            )
        tensor = torch.frombuffer(content, dtype=DTYPES[kind]).view(shape)
        if not torch.isfinite(tensor).all():
            raise CheckpointError(f"{name} in {path} holds values that are not finite")
        return tensor

    def identity(self) -> dict[str, Any]:
        """The files by name, size, time of change and header (which tensors lie where)."""
        files = {}
        for path, (size, changed) in sorted(self._stats.items()):
            with path.open("rb") as file:
                header = file.read(int.from_bytes(file.read(8), "little"))
            digest = hashlib.sha256(header).hexdigest()
            files[path.name] = {"bytes": size, "changed": changed, "header": digest}
        config = (self.folder / "config.json").read_bytes()
        index = self.folder / INDEX
        return {
            "files": files,
            "config": hashlib.sha256(config).hexdigest(),
            "index": hashlib.sha256(index.read_bytes()).hexdigest() if index.exists() else "",
        }


def _stat(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError as error:
        raise CheckpointError(f"{path} has gone: {error}") from error
    return found.st_size, found.st_mtime_ns


def same(one: Mapping[str, Any], other: object) -> bool:
    return json.loads(json.dumps(one)) == other
