"""From a checkpoint to a folder of ours, part by part, so that it can be broken off and gone on.

Each part is a file, which has its name only when it is whole and on the disk. `quantization.json`
says which are done, of which source and by which plan; `config.json`, without which a folder
counts as no model, is written last. Going on with another source or plan is refused.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from model.checkpoint import INDEX
from model.config import KimiVLConfig, read_json
from model.errors import CheckpointError
from model.kernels.contract import Kernels
from model.quantized.parts import Error, Part, PartMaker, Products, parts_of, plain_shapes
from model.quantized.plan import RECORD, REPORT, Plan
from model.quantized.source import FolderSource, TensorSource, same
from model.quantized.tensor_file import write_tensors
from model.weights import preprocessor_of

COPIED = ("tiktoken.model",)

OnProgress = Callable[[int, int], None]
"""Weights dealt with, and all of them."""


class Report(NamedTuple):
    errors: dict[str, dict[str, Error]]
    """By part ("layer 3") and kind of matrix."""
    num_bytes: int
    num_done_before: int
    """Parts that were there already."""


def quantize_folder(
    source: Path,
    out: Path,
    plan: Plan,
    kernels: Kernels,
    *,
    products: Products | None = None,
    calibrated_on: str = "",
    on_progress: OnProgress | None = None,
) -> Report:
    """A folder in the public layout to one of ours.

    Args:
        calibrated_on: where `products` is from, so that it goes on with the same.

    Raises:
        CheckpointError: the source does not fit or changes meanwhile, the disk is full, or `out`
            holds something else.
    """
    config = KimiVLConfig.from_folder(source)
    if Plan.from_config(read_json(source / "config.json")) is not None:
        raise CheckpointError(f"{source} is quantized already; expected the weights it was made of")
    reader = FolderSource(source, plain_shapes(config))
    # Before the part that makes a model of the folder.
    texts = {name: (source / name).read_bytes() for name in COPIED if (source / name).is_file()}
    return quantize(
        reader,
        config,
        out,
        plan,
        kernels,
        products=products,
        calibrated_on=calibrated_on,
        copied=texts,
        on_progress=on_progress,
    )


def quantize(
    source: TensorSource,
    config: KimiVLConfig,
    out: Path,
    plan: Plan,
    kernels: Kernels,
    *,
    products: Products | None = None,
    calibrated_on: str = "",
    copied: Mapping[str, bytes] | None = None,
    on_progress: OnProgress | None = None,
) -> Report:
    """Any source of tensors to a folder of ours; what is in `out` of an earlier go is kept.

    Args:
        copied: other files the folder needs, by name.

    Raises:
        CheckpointError: see `quantize_folder`.
    """
    parts = parts_of(config)
    num_all = sum(_numel(shape) for shape in plain_shapes(config).values())
    progress = _Progress(num_all, on_progress)
    maker = PartMaker(source, config, plan, kernels, progress.add)
    ledger = _Ledger.opened(
        out,
        {
            "source": json.loads(json.dumps(source.identity())),
            "plan": plan.record(),
            "config": config.to_hf(),
            "calibrated_on": calibrated_on,
        },
    )
    weight_map: dict[str, str] = {}
    num_before = 0
    for place, part in enumerate(parts, start=1):
        file = f"model-{place:05}-of-{len(parts):05}.safetensors"
        names = ledger.names_of(part, file)
        if names is None:
            outputs = maker.outputs(part, products or _unseen)
            _refuse_full(out, sum(output.num_bytes for output in outputs))
            written = write_tensors(out / file, outputs)
            names = [output.name for output in outputs]
            ledger.add(part, file, written.num_bytes, written.sha256, names, maker.errors())
        else:
            num_before += 1
            progress.add(_numel_of(config, part))
        weight_map |= dict.fromkeys(names, file)
    for name, content in (copied or {}).items():
        write_whole(out / name, content)
    _finish(out, config, plan, weight_map, ledger.num_bytes)
    return Report(ledger.errors(), ledger.num_bytes, num_before)


def _unseen(_name: str) -> Tensor | None:
    return None


class _Progress:
    def __init__(self, num_all: int, tell: OnProgress | None) -> None:
        self.num_all, self.tell, self.done = num_all, tell, 0

    def add(self, count: int) -> None:
        self.done = min(self.done + count, self.num_all)
        if self.tell is not None:
            self.tell(self.done, self.num_all)


class _Ledger:
    """`quantization.json`: what is done."""

    def __init__(self, out: Path, content: dict[str, Any]) -> None:
        self.out, self._content = out, content

    @classmethod
    def opened(cls, out: Path, identity: Mapping[str, Any]) -> "_Ledger":
        """Of a fresh folder, or of one in which the same was begun."""
        path = out / REPORT
        if path.exists():
            content = read_json(path)
            for name, value in identity.items():
                if not same({name: value}, {name: content.get(name)}):
                    raise CheckpointError(
                        f"{out} was begun with another {name.replace('_', ' ')};"
                        " expected the same to go on, or an empty folder to begin"
                    )
            if not isinstance(content.get("parts"), dict):
                raise CheckpointError(f"{path} has no usable parts")
            return cls(out, content)
        # Killed before anything was whole, it may hold a beginning.
        if out.is_dir() and any(path.suffix != ".partial" for path in out.iterdir()):
            raise CheckpointError(f"{out} holds something else; expected an empty folder")
        out.mkdir(parents=True, exist_ok=True)
        ledger = cls(out, {**identity, "parts": {}})
        ledger._write()
        return ledger

    def names_of(self, part: Part, file: str) -> list[str] | None:
        """The tensors of a part that is done; None: it is not."""
        entry = self._content["parts"].get(part.name)
        path = self.out / file
        if not isinstance(entry, dict) or not path.is_file():
            return None
        if path.stat().st_size != entry.get("bytes") or _sha256(path) != entry.get("sha256"):
            return None
        names: list[str] = entry["tensors"]
        return names

    def add(
        self,
        part: Part,
        file: str,
        num_bytes: int,
        sha256: str,
        names: list[str],
        errors: Mapping[str, Error],
    ) -> None:
        self._content["parts"][part.name] = {
            "file": file,
            "bytes": num_bytes,
            "sha256": sha256,
            "tensors": names,
            "errors": {kind: error._asdict() for kind, error in errors.items()},
        }
        self._write()

    @property
    def num_bytes(self) -> int:
        return sum(entry["bytes"] for entry in self._content["parts"].values())

    def errors(self) -> dict[str, dict[str, Error]]:
        return {
            part: {kind: Error(**error) for kind, error in entry["errors"].items()}
            for part, entry in self._content["parts"].items()
        }

    def _write(self) -> None:
        write_whole(self.out / REPORT, _json(self._content))


def _finish(
    out: Path, config: KimiVLConfig, plan: Plan, weight_map: Mapping[str, str], num_bytes: int
) -> None:
    index = {"metadata": {"total_size": num_bytes}, "weight_map": weight_map}
    write_whole(out / INDEX, _json(index))
    write_whole(out / "preprocessor_config.json", _json(preprocessor_of(config)))
    written = {**config.to_hf(), RECORD: plan.record()}
    write_whole(out / "config.json", _json(written))


def _json(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, indent=1) + "\n").encode()


def write_whole(path: Path, content: bytes) -> None:
    """All of a small file or nothing, on the disk when this returns.

    Raises:
        CheckpointError: the disk does not take it.
    """
    partial = path.with_name(f"{path.name}.partial")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise CheckpointError(f"{path} cannot be written: {error.strerror}") from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _refuse_full(out: Path, num_bytes: int) -> None:
    free = shutil.disk_usage(out).free
    if free < num_bytes:
        raise CheckpointError(
            f"no room in {out}: the next part needs {num_bytes / 1e9:.2f} GB,"
            f" {free / 1e9:.2f} GB are free"
        )


def _numel(shape: tuple[int, ...]) -> int:
    return torch.Size(shape).numel()


def _numel_of(config: KimiVLConfig, part: Part) -> int:
    shapes = plain_shapes(config)
    return sum(_numel(s) for name, s in shapes.items() if name.startswith(part.prefixes))
