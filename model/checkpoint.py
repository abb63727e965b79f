"""The files of a checkpoint, looked into before anything of them is used.

Headers and index are read and judged first, against the names and shapes the model has:
what does not fit is refused before a byte of a tensor is loaded. The library that reads the
tensors accepts doubled keys, headers of 90 MB and a hundred thousand empty tensors; a
checkpoint comes from somebody else, so these are refused here.

Layout of a file: 8 bytes length of the header, little-endian; the header, JSON; the tensors.
Source: https://huggingface.co/docs/safetensors.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

from model.errors import CheckpointError

INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"

IGNORED = re.compile(r"language_model\.model\.layers\.\d+\.self_attn\.rotary_emb\.inv_freq")
"""Stored in the public files, computed here."""

FLOATS = ("F32", "F16", "BF16")
ITEM_BYTES = {"F32": 4, "F16": 2, "BF16": 2, "U8": 1}
MAX_HEADER_BYTES = 16 << 20
MAX_INDEX_BYTES = 16 << 20
MAX_TENSORS = 50_000
"""The public checkpoint has 5,652 in 7 files."""

Shapes = Mapping[str, tuple[int, ...]]
Kinds = Mapping[str, str]
"""Of tensors that have one type only, which; all others are floats of some width."""


class Shard(NamedTuple):
    path: Path
    names: tuple[str, ...]
    """Of the tensors to be taken from it."""
    num_bytes: int
    """Of these."""


class Place(NamedTuple):
    """Where a tensor lies."""

    path: Path
    kind: str
    shape: tuple[int, ...]
    start: int
    """Bytes from the beginning of the file."""
    num_bytes: int


def places_of(folder: Path, expected: Shapes) -> dict[str, Place]:
    """Where each of the model's tensors lies, for whoever reads them one by one.

    Raises:
        CheckpointError: as `shards_of`.
    """
    places = {}
    for shard in shards_of(folder, expected):
        header = _header(shard.path)
        # The tensors fill the file from the header's end to its own.
        start = shard.path.stat().st_size - max((e.end for e in header.values()), default=0)
        for name in shard.names:
            kind, shape, offset, _ = entry = header[name]
            places[name] = Place(shard.path, kind, shape, start + offset, entry.num_bytes)
    return places


def shards_of(folder: Path, expected: Shapes, kinds: Kinds | None = None) -> list[Shard]:
    """Which file has which of the model's tensors.

    Raises:
        CheckpointError: a file that is none, or tensors that are not exactly those expected.
    """
    placed = _placed(folder)
    shards = []
    seen: set[str] = set()
    for path, promised in placed.items():
        header = _header(path)
        if promised is not None and header.keys() != promised:
            odd = sorted(header.keys() ^ promised)
            raise CheckpointError(
                f"{folder / INDEX} and {path.name} do not say the same of {len(odd)} tensors,"
                f" first {odd[0]}"
            )
        wanted = {n: found for n, found in header.items() if not IGNORED.fullmatch(n)}
        for name, entry in wanted.items():
            _fits(name, entry, expected, (kinds or {}).get(name), path)
        seen |= wanted.keys()
        num_bytes = sum(entry.num_bytes for entry in wanted.values())
        shards.append(Shard(path, tuple(wanted), num_bytes))
    missing = sorted(expected.keys() - seen)
    if missing:
        raise CheckpointError(
            f"{folder} lacks {len(missing)} of {len(expected)} tensors, first {missing[0]}"
        )
    return shards


class _Entry(NamedTuple):
    kind: str
    shape: tuple[int, ...]
    start: int
    end: int

    @property
    def num_bytes(self) -> int:
        return self.end - self.start


def _placed(folder: Path) -> dict[Path, set[str] | None]:
    """Files in the order they are read, each with the tensors the index promises of it."""
    index = folder / INDEX
    if not index.exists():
        if not (folder / SINGLE).exists():
            raise CheckpointError(f"no {SINGLE} and no {INDEX} in {folder}")
        return {folder / SINGLE: None}
    if index.stat().st_size > MAX_INDEX_BYTES:
        raise CheckpointError(f"{index} has {index.stat().st_size} bytes; expected a short one")
    weight_map = _json(index, index.read_bytes()).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise CheckpointError(f"{index} has no usable weight_map: {str(weight_map)[:80]}")
    by_file: dict[Path, set[str] | None] = {}
    for name, file in sorted(weight_map.items(), key=lambda item: str(item[1])):
        if not isinstance(file, str) or Path(file).name != file or not file:
            raise CheckpointError(f"{index} names the file {file!r}; expected one of its folder")
        if not (folder / file).is_file():
            raise CheckpointError(f"{index} names {file}, which is not a file in {folder}")
        promised = by_file.setdefault(folder / file, set())
        assert promised is not None
        promised.add(name)
    return by_file


def _header(path: Path) -> dict[str, _Entry]:
    """The tensors a file says it has; they fill it from the header's end to its own."""
    _refuse_odd_file(path)
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(MAX_HEADER_BYTES, size - 8):
            raise CheckpointError(
                f"{path} has {size} bytes and declares a header of {length};"
                f" at most {MAX_HEADER_BYTES} of its own expected"
            )
        found = _json(path, file.read(length))
    found.pop("__metadata__", None)
    if len(found) > MAX_TENSORS:
        raise CheckpointError(f"{path} has {len(found)} tensors; at most {MAX_TENSORS} expected")
    entries = {name: _entry(path, name, described) for name, described in found.items()}
    position = 0
    for name, entry in sorted(entries.items(), key=lambda item: (item[1].start, item[1].end)):
        if entry.start != position:
            raise CheckpointError(
                f"{name} in {path} starts at {entry.start}; expected {position},"
                " where the tensor before it ends"
            )
        position = entry.end
    if 8 + length + position != size:
        raise CheckpointError(
            f"{path} has {size} bytes; its header accounts for {8 + length + position}"
        )
    return entries


def _entry(path: Path, name: str, described: Any) -> _Entry:
    try:
        kind, shape, (start, end) = (described[k] for k in ("dtype", "shape", "data_offsets"))
        numbers = [*shape, start, end]
        if not all(type(number) is int and 0 <= number < 1 << 60 for number in numbers):
            raise ValueError(f"{numbers[:8]} are not all counts")
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} describes {name[:200]} in no usable way: {error}") from error
    if not isinstance(kind, str) or kind not in ITEM_BYTES:
        raise CheckpointError(
            f"{name} in {path} is of type {str(kind)[:80]}; expected one of {sorted(ITEM_BYTES)}"
        )
    entry = _Entry(kind, tuple(shape), start, end)
    if len(shape) > 8 or entry.num_bytes != prod(entry.shape) * ITEM_BYTES[kind]:
        raise CheckpointError(
            f"{name} in {path} has {entry.num_bytes} bytes for {kind} of shape {entry.shape[:8]}"
        )
    return entry


def _fits(name: str, entry: _Entry, expected: Shapes, kind: str | None, path: Path) -> None:
    if name not in expected:
        raise CheckpointError(f"{path} holds {name[:200]}, which this model does not have")
    kinds = FLOATS if kind is None else (kind,)
    if entry.kind not in kinds:
        raise CheckpointError(
            f"{name} in {path} is of type {entry.kind}; expected one of {sorted(kinds)}"
        )
    if entry.shape != expected[name]:
        raise CheckpointError(f"{name} has shape {entry.shape}; expected {expected[name]}")


def _refuse_odd_file(path: Path) -> None:
    # A hub's cache is links to files of no name ending, in a folder beside.
    target = path.resolve()
    if path.is_symlink() and target.suffix not in ("", ".safetensors"):
        raise CheckpointError(f"{path} is a link to {target}; expected a safetensors file")
    if not target.is_file():
        raise CheckpointError(f"{path} is no file")


def _json(path: Path, content: bytes) -> dict[str, Any]:
    """An object, in which no key comes twice."""
    try:
        found = json.loads(content, object_pairs_hook=_without_doubles)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} has no usable JSON: {str(error)[:200]}") from error
    if not isinstance(found, dict):
        raise CheckpointError(f"{path} has {type(found).__name__} for JSON; expected an object")
    return found


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        [(name, _)] = Counter(key for key, _ in pairs).most_common(1)
        raise ValueError(f"{name[:80]} comes twice")
    return found
