"""A checkpoint is used whole or not at all: every way a file can be wrong is named."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load as tensors_of
from safetensors.torch import save_file
from torch import Tensor

from model.config import KimiVLConfig
from model.errors import CheckpointError
from model.kimi_vl import KimiVL
from model.train.initial import random_network
from model.weights import INDEX, SINGLE

BIAS = "language_model.model.layers.1.mlp.gate.e_score_correction_bias"
NORM = "language_model.model.norm.weight"
HEAD = "language_model.lm_head.weight"


def smallest() -> KimiVLConfig:
    tiny = KimiVLConfig.tiny()
    text = replace(
        tiny.text, num_hidden_layers=2, n_routed_experts=2, num_experts_per_tok=1, hidden_size=32
    )
    return replace(tiny, text=text, vision=replace(tiny.vision, num_hidden_layers=1))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    random_network(smallest(), seed=3).save_pretrained(tmp_path)
    return tmp_path


def stored(folder: Path) -> dict[str, Tensor]:
    """A copy in memory: `load_file` would keep the file mapped while the tests write over it."""
    return tensors_of((folder / SINGLE).read_bytes())


def load(folder: Path, dtype: torch.dtype = torch.float32) -> KimiVL:
    return KimiVL.from_pretrained(folder, dtype=dtype)


def change(folder: Path, edit: Callable[[dict[str, Tensor]], object]) -> None:
    tensors = stored(folder)
    edit(tensors)
    save_file(tensors, folder / SINGLE)


def in_two_shards(folder: Path, both: tuple[str, ...] = ()) -> None:
    """The head in a shard of its own; the names in `both` are in each."""
    tensors = stored(folder)
    names = {HEAD, *both}
    save_file({name: tensors[name].clone() for name in names}, folder / "b.safetensors")
    rest = {name: tensor for name, tensor in tensors.items() if name != HEAD}
    save_file(rest, folder / "a.safetensors")
    (folder / SINGLE).unlink()
    weight_map = {name: "a.safetensors" for name in rest} | {HEAD: "b.safetensors"}
    (folder / INDEX).write_text(json.dumps({"weight_map": weight_map}))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_what_was_saved_is_loaded_to_the_bit(tmp_path: Path, dtype: torch.dtype) -> None:
    network = random_network(smallest(), seed=3).to(dtype)
    network.save_pretrained(tmp_path)
    again = load(tmp_path, dtype)
    assert again.config == network.config
    for name, tensor in network.state_dict().items():
        # Rounding the balance of the experts is what the file's reader must not do again.
        assert torch.equal(again.state_dict()[name], tensor.to(again.state_dict()[name].dtype))
    assert not again.training


def test_saving_over_a_checkpoint_in_use_leaves_its_user_alone(folder: Path) -> None:
    # Weights of the wanted dtype are read from the mapped file when they are first used.
    in_use = load(folder)
    before = stored(folder)
    random_network(smallest(), seed=4).save_pretrained(folder)
    for name, tensor in in_use.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    assert not torch.equal(load(folder).state_dict()[HEAD], before[HEAD])


def test_the_balance_of_the_experts_stays_float32(folder: Path) -> None:
    def nudge(tensors: dict[str, Tensor]) -> None:
        tensors[BIAS] = torch.tensor([0.1234567, -0.7654321])

    change(folder, nudge)
    state = load(folder, torch.bfloat16).state_dict()
    assert state[BIAS].tolist() == pytest.approx([0.1234567, -0.7654321], abs=1e-7)
    assert state[NORM].dtype == torch.bfloat16


def test_shards_are_found_through_the_index(folder: Path) -> None:
    whole = load(folder).state_dict()
    in_two_shards(folder)
    for name, tensor in load(folder).state_dict().items():
        assert torch.equal(whole[name], tensor), name


def test_a_stored_table_of_angles_is_passed_over(folder: Path) -> None:
    name = "language_model.model.layers.0.self_attn.rotary_emb.inv_freq"
    change(folder, lambda tensors: tensors.update({name: torch.ones(4)}))
    load(folder)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda t: t.pop(NORM), f"lacks 1 of .* first {NORM}"),
        (lambda t: t.update(extra=torch.ones(1)), "holds extra, which this model does not have"),
        (lambda t: t.update({f"{NORM}2": t.pop(NORM)}), "which this model does not have"),
        (lambda t: t.update({NORM: torch.ones(33)}), r"shape \(33,\); expected \(32,\)"),
        (lambda t: t[HEAD].view(-1)[7:8].fill_(float("nan")), "not finite"),
        (lambda t: t[HEAD].view(-1)[7:8].fill_(float("inf")), "not finite"),
        (lambda t: t.update({NORM: torch.ones(32, dtype=torch.int64)}), "is of type I64"),
        (lambda t: t.clear(), "lacks"),
    ],
    ids=["missing", "extra", "renamed", "shape", "nan", "inf", "integers", "empty"],
)
def test_tensors_that_do_not_fit_are_named(
    folder: Path, edit: Callable[[dict[str, Tensor]], object], message: str
) -> None:
    change(folder, edit)
    with pytest.raises(CheckpointError, match=message):
        load(folder)


def test_a_tensor_in_two_shards_is_refused(folder: Path) -> None:
    in_two_shards(folder, both=(NORM,))
    with pytest.raises(CheckpointError, match=f"{NORM} is stored twice"):
        load(folder)


def test_a_pickle_by_the_name_of_safetensors_is_refused(folder: Path) -> None:
    torch.save(stored(folder), folder / SINGLE)
    with pytest.raises(CheckpointError, match="declares a header"):
        load(folder)


def test_a_pickle_alone_is_no_checkpoint(folder: Path) -> None:
    (folder / SINGLE).rename(folder / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match=f"no {SINGLE}"):
        load(folder)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x01",
        (1 << 40).to_bytes(8, "little") + b"{}",
        (2).to_bytes(8, "little") + b"{]",
        (200).to_bytes(8, "little") + b'{"a":1}',
        (9).to_bytes(8, "little") + b'{"a": {}}',
    ],
)
def test_an_odd_header_is_refused(folder: Path, content: bytes) -> None:
    (folder / SINGLE).write_bytes(content)
    with pytest.raises(CheckpointError):
        load(folder)


def test_a_file_cut_short_is_refused(folder: Path) -> None:
    content = (folder / SINGLE).read_bytes()
    (folder / SINGLE).write_bytes(content[:-100])
    with pytest.raises(CheckpointError, match="cannot be read as safetensors"):
        load(folder)


@pytest.mark.parametrize("name", ["../a.safetensors", "/etc/passwd", "sub/a.safetensors", "..", 7])
def test_an_index_names_files_of_its_own_folder_only(folder: Path, name: object) -> None:
    (folder / INDEX).write_text(json.dumps({"weight_map": {HEAD: name}}))
    with pytest.raises(CheckpointError):
        load(folder)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"weight_map": 3}', '{"weight_map": {"a": []}}'])
def test_an_index_that_is_none_is_refused(folder: Path, text: str) -> None:
    (folder / INDEX).write_text(text)
    with pytest.raises(CheckpointError):
        load(folder)


def test_an_index_that_names_a_missing_file_is_refused(folder: Path) -> None:
    (folder / INDEX).write_text('{"weight_map": {"x": "gone.safetensors"}}')
    with pytest.raises(CheckpointError, match=r"gone\.safetensors, which is not a file in"):
        load(folder)


def test_a_link_to_something_else_is_refused(folder: Path) -> None:
    (folder / SINGLE).rename(folder / "weights.bin")
    (folder / SINGLE).symlink_to(folder / "weights.bin")
    with pytest.raises(CheckpointError, match="is a link to"):
        load(folder)
