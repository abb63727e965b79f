"""Every way in which a checkpoint can be wrong is refused by name, in little memory.

Each entry of `BAD` spoils a good checkpoint; `_attempt` is also run in a process of its own
over all of them, where its peak memory is looked at.
"""

import json
import multiprocessing
import os
import resource
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load as tensors_of
from safetensors.torch import save_file
from torch import Tensor

from model.checkpoint import INDEX, SINGLE
from model.config import KimiVLConfig
from model.errors import CheckpointError
from model.kimi_vl import KimiVL
from model.train.initial import random_network

NORM = "language_model.model.norm.weight"
HEAD = "language_model.lm_head.weight"

Spoil = Callable[[Path], object]


def smallest() -> KimiVLConfig:
    tiny = KimiVLConfig.tiny()
    text = replace(tiny.text, num_hidden_layers=2, n_routed_experts=2, num_experts_per_tok=1)
    return replace(tiny, text=text, vision=replace(tiny.vision, num_hidden_layers=1))


def parts(folder: Path) -> tuple[dict[str, Any], bytes]:
    content = (folder / SINGLE).read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    return json.loads(content[8:end]), content[end:]


def put(folder: Path, header: object, body: bytes) -> None:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    (folder / SINGLE).write_bytes(len(text).to_bytes(8, "little") + text + body)


def raw(content: bytes) -> Spoil:
    return lambda folder: (folder / SINGLE).write_bytes(content)


def entry(**fields: object) -> Spoil:
    """Change the header's entry of one tensor."""

    def spoil(folder: Path) -> None:
        header, body = parts(folder)
        header[NORM] |= fields
        put(folder, header, body)

    return spoil


def header(edit: Callable[[dict[str, Any]], object]) -> Spoil:
    def spoil(folder: Path) -> None:
        found, body = parts(folder)
        edit(found)
        put(folder, found, body)

    return spoil


def tensors(edit: Callable[[dict[str, Tensor]], object]) -> Spoil:
    def spoil(folder: Path) -> None:
        found = tensors_of((folder / SINGLE).read_bytes())
        edit(found)
        save_file(found, folder / SINGLE)

    return spoil


def body(change: Callable[[bytes], bytes]) -> Spoil:
    def spoil(folder: Path) -> None:
        found, content = parts(folder)
        put(folder, found, change(content))

    return spoil


def index(content: object) -> Spoil:
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    return lambda folder: (folder / INDEX).write_bytes(text)


def shard(name: object) -> Spoil:
    return index({"weight_map": {HEAD: name}})


def in_another_shard(folder: Path) -> None:
    """The index says of one tensor that the other file has it."""
    found = tensors_of((folder / SINGLE).read_bytes())
    save_file({HEAD: found.pop(HEAD)}, folder / "b.safetensors")
    save_file(found, folder / "a.safetensors")
    weight_map = dict.fromkeys([*found, HEAD], "a.safetensors") | {NORM: "b.safetensors"}
    index({"weight_map": weight_map})(folder)


def in_two_shards(folder: Path) -> None:
    found = tensors_of((folder / SINGLE).read_bytes())
    save_file({n: found[n].clone() for n in (HEAD, NORM)}, folder / "b.safetensors")
    del found[HEAD]
    save_file(found, folder / "a.safetensors")
    weight_map = dict.fromkeys(found, "a.safetensors") | {HEAD: "b.safetensors"}
    index({"weight_map": weight_map})(folder)


def config(edit: Callable[[dict[str, Any]], object]) -> Spoil:
    def spoil(folder: Path) -> None:
        found = json.loads((folder / "config.json").read_text())
        edit(found)
        (folder / "config.json").write_text(json.dumps(found))

    return spoil


def text(**fields: object) -> Spoil:
    return config(lambda c: c["text_config"].update(fields))


def vision(**fields: object) -> Spoil:
    return config(lambda c: c["vision_config"].update(fields))


def linked(target: str) -> Spoil:
    def spoil(folder: Path) -> None:
        (folder / SINGLE).unlink()
        (folder / SINGLE).symlink_to(target)

    return spoil


def doubled_key(folder: Path) -> None:
    found, content = parts(folder)
    again = json.dumps({NORM: found[NORM]}).encode()
    put(folder, again[:-1] + b"," + json.dumps(found).encode()[1:], content)


def swapped_places(found: dict[str, Any]) -> None:
    one, other = found[NORM]["data_offsets"], found[HEAD]["data_offsets"]
    found[NORM]["data_offsets"], found[HEAD]["data_offsets"] = other, one


def a_folder(folder: Path) -> None:
    (folder / SINGLE).unlink()
    (folder / SINGLE).mkdir()


def a_pipe(folder: Path) -> None:
    (folder / SINGLE).unlink()
    os.mkfifo(folder / SINGLE)


def a_pickle(folder: Path) -> None:
    torch.save(tensors_of((folder / SINGLE).read_bytes()), folder / SINGLE)


def sparse(folder: Path) -> None:
    """Eight gigabytes of nothing behind a good file."""
    os.truncate(folder / SINGLE, 8 << 30)


SIZE = (1).to_bytes(8, "little")
BAD: dict[str, tuple[Spoil, str]] = {
    # The file.
    "empty": (raw(b""), "0 bytes"),
    "one byte": (raw(b"\x01"), "1 bytes"),
    "seven bytes": (raw(b"\x01" * 7), "7 bytes"),
    "length alone": (raw(SIZE), "declares a header of 1"),
    "length 2^63": (raw((1 << 63).to_bytes(8, "little") + b"{}"), "declares a header"),
    "length past the end": (raw((200).to_bytes(8, "little") + b"{}"), "declares a header of 200"),
    "length 0": (raw(bytes(8) + b"{}"), "no usable JSON"),
    "trailing bytes": (body(lambda b: b + b"more"), "accounts for"),
    "cut short": (body(lambda b: b[:-100]), "accounts for"),
    "no tensors": (body(lambda b: b""), "accounts for"),
    "gigabytes behind it": (sparse, "accounts for"),
    "a pickle by that name": (a_pickle, "declares a header"),
    "a pickle alone": (lambda f: (f / SINGLE).rename(f / "pytorch_model.bin"), f"no {SINGLE}"),
    "a folder": (a_folder, "no file"),
    "a pipe": (a_pipe, "no file"),
    "a link to a device": (linked("/dev/zero"), "no file"),
    "a link to nothing": (linked("gone.safetensors"), f"no {SINGLE}"),
    "a link to something else": (linked("config.json"), "is a link to"),
    # The header.
    "no JSON": (lambda f: put(f, b"{]", b""), "no usable JSON"),
    "no UTF-8": (lambda f: put(f, b'{"\xff": 1}', b""), "no usable JSON"),
    "a list": (lambda f: put(f, [1], b""), "list for JSON"),
    "a number": (lambda f: put(f, 7, b""), "int for JSON"),
    "deep nesting": (lambda f: put(f, b"[" * 100_000, b""), "no usable JSON"),
    "17 MB of spaces": (lambda f: put(f, b" " * (17 << 20), b""), "declares a header"),
    "100,000 tensors": (
        lambda f: put(
            f,
            {f"t{n}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for n in range(10**5)},
            b"",
        ),
        "has 100000 tensors",
    ),
    "a doubled key": (doubled_key, "comes twice"),
    "an entry that is null": (header(lambda h: h.update({NORM: None})), "no usable way"),
    "an entry that is a list": (header(lambda h: h.update({NORM: [1]})), "no usable way"),
    "no type": (header(lambda h: h[NORM].pop("dtype")), "no usable way"),
    "no shape": (header(lambda h: h[NORM].pop("shape")), "no usable way"),
    "no offsets": (header(lambda h: h[NORM].pop("data_offsets")), "no usable way"),
    "integers": (entry(dtype="I64"), "type I64"),
    "doubles": (entry(dtype="F64"), "type F64"),
    "eight bits": (entry(dtype="F8_E4M3"), "type F8_E4M3"),
    "an unknown type": (entry(dtype="F7"), "type F7"),
    "a type that is a number": (entry(dtype=4), "type 4"),
    "a type that is a list": (entry(dtype=["F32"]), "type"),
    "a negative shape": (entry(shape=[-64]), "not all counts"),
    "a shape of fractions": (entry(shape=[64.0]), "not all counts"),
    "a shape of truths": (entry(shape=[True]), "not all counts"),
    "a shape of words": (entry(shape="64"), "not all counts"),
    "a shape that is null": (entry(shape=None), "no usable way"),
    "a shape that overflows": (entry(shape=[1 << 40, 1 << 40]), "bytes for F32 of shape"),
    "a shape of many sides": (entry(shape=[1] * 5000 + [64]), "bytes for F32 of shape"),
    "another shape": (entry(shape=[8, 8]), r"shape \(8, 8\); expected \(64,\)"),
    "reversed offsets": (entry(data_offsets=[256, 0]), "bytes for F32 of shape"),
    "negative offsets": (entry(data_offsets=[-256, 0]), "not all counts"),
    "offsets past the end": (entry(data_offsets=[1 << 50, (1 << 50) + 256]), "starts at"),
    "offsets that overlap": (entry(data_offsets=[4, 260]), "starts at"),
    "three offsets": (entry(data_offsets=[0, 4, 256]), "no usable way"),
    "offsets of fractions": (entry(data_offsets=[0.0, 256.0]), "not all counts"),
    "places of others": (header(swapped_places), "bytes for F32 of shape"),
    "a name that climbs": (header(lambda h: h.update({"../../x": h.pop(NORM)})), "does not have"),
    "an empty name": (header(lambda h: h.update({"": h.pop(NORM)})), "does not have"),
    # The tensors.
    "one missing": (tensors(lambda t: t.pop(NORM)), f"lacks 1 of .* first {NORM}"),
    "none": (tensors(lambda t: t.clear()), "lacks"),
    "one too many": (tensors(lambda t: t.update(extra=torch.ones(1))), "holds extra"),
    "one renamed": (tensors(lambda t: t.update({f"{NORM}2": t.pop(NORM)})), "does not have"),
    "one longer": (tensors(lambda t: t.update({NORM: torch.ones(65)})), r"shape \(65,\)"),
    "one turned": (tensors(lambda t: t.update({HEAD: t[HEAD].T.contiguous()})), "shape"),
    "a scalar": (tensors(lambda t: t.update({NORM: torch.ones(())})), r"shape \(\)"),
    "not a number": (tensors(lambda t: t[HEAD].view(-1)[7:8].fill_(torch.nan)), "not finite"),
    "infinite": (tensors(lambda t: t[HEAD].view(-1)[7:8].fill_(-torch.inf)), "not finite"),
    # The index.
    "an empty index": (index(b""), "no usable JSON"),
    "an index without UTF-8": (index(b'{"\xff'), "no usable JSON"),
    "an index that is a list": (index([]), "list for JSON"),
    "an index of nothing": (index({}), "no usable weight_map"),
    "a map that is a number": (index({"weight_map": 3}), "no usable weight_map"),
    "a map of nothing": (index({"weight_map": {}}), "no usable weight_map"),
    "a doubled key in the index": (index(b'{"weight_map": {}, "weight_map": {}}'), "comes twice"),
    "a deep index": (index(b'{"a":' * 100_000), "no usable JSON"),
    "an index of 17 MB": (index(b" " * (17 << 20)), "expected a short one"),
    "a shard above": (shard("../a.safetensors"), "of its folder"),
    "a shard elsewhere": (shard("/etc/passwd"), "of its folder"),
    "a shard below": (shard("sub/a.safetensors"), "of its folder"),
    "a shard that is the parent": (shard(".."), "of its folder|not a file"),
    "a shard without a name": (shard(""), "of its folder"),
    "a shard that is a number": (shard(7), "of its folder"),
    "a shard that is a list": (shard([]), "of its folder"),
    "a shard that is gone": (shard("gone.safetensors"), "not a file in"),
    "a shard that has more": (shard(SINGLE), "do not say the same"),
    "a tensor in another shard": (in_another_shard, "do not say the same"),
    "a tensor in two shards": (in_two_shards, f"do not say the same .* first {NORM}"),
    # The config.
    "no config": (lambda f: (f / "config.json").unlink(), "config"),
    "a config that is no JSON": (lambda f: (f / "config.json").write_text("{"), "config"),
    "a config that is a list": (lambda f: (f / "config.json").write_text("[]"), "config"),
    "no text config": (config(lambda c: c.pop("text_config")), "text_config"),
    "a width of 2^40": (text(hidden_size=1 << 40), "hidden_size"),
    "a width below 0": (text(hidden_size=-64), "hidden_size"),
    "a width in words": (text(hidden_size="64"), "hidden_size"),
    "a width that is a truth": (text(hidden_size=True), "hidden_size"),
    "another width": (text(hidden_size=128), "shape"),
    "a quarter million layers": (text(num_hidden_layers=1 << 18), "layers"),
    "a quarter million experts": (text(n_routed_experts=1 << 18), "experts"),
    "a quarter million layers of vision": (vision(num_hidden_layers=1 << 18), "layers"),
    "no epsilon": (text(rms_norm_eps=0.0), "rms_norm_eps"),
    "an epsilon that is no number": (text(rms_norm_eps=float("nan")), "rms_norm_eps"),
    "a low rank of queries": (text(q_lora_rank=8), "q_lora_rank"),
    "more experts a token than there are": (text(num_experts_per_tok=9), "experts"),
}


def _make(folder: Path, spoil: Spoil) -> Path:
    folder.mkdir(exist_ok=True)
    random_network(smallest(), seed=3).save_pretrained(folder)
    spoil(folder)
    return folder


def test_there_are_at_least_sixty() -> None:
    assert len(BAD) >= 60


def test_the_checkpoint_they_spoil_is_good(tmp_path: Path) -> None:
    KimiVL.from_pretrained(_make(tmp_path, lambda folder: None))


@pytest.mark.parametrize(("spoil", "message"), BAD.values(), ids=BAD.keys())
def test_a_bad_checkpoint_is_refused_by_name(tmp_path: Path, spoil: Spoil, message: str) -> None:
    folder = _make(tmp_path, spoil)
    with pytest.raises(CheckpointError, match=message) as refusal:
        KimiVL.from_pretrained(folder)
    assert len(str(refusal.value)) < 2000


def _attempt_all(folder: Path, told: "multiprocessing.Queue[int]") -> None:
    folders = [_make(folder / str(n), spoil) for n, (spoil, _) in enumerate(BAD.values())]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for each in folders:
        try:
            KimiVL.from_pretrained(each)
        except CheckpointError:
            continue
        told.put(-1)
    told.put(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)


def test_refusing_takes_little_memory(tmp_path: Path) -> None:
    """The largest of them that is read at all has 17 MB."""
    context = multiprocessing.get_context("spawn")
    told: multiprocessing.Queue[int] = context.Queue()
    process = context.Process(target=_attempt_all, args=(tmp_path, told))
    process.start()
    grown_kb = told.get(timeout=120)
    process.join()
    assert 0 <= grown_kb < 200 * 1024
