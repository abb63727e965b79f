"""What is saved is what is loaded. What is refused, `test_checkpoint.py` has."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load as tensors_of
from safetensors.torch import save_file
from torch import Tensor

from model.checkpoint import INDEX, SINGLE
from model.config import KimiVLConfig
from model.kimi_vl import KimiVL
from model.train.initial import random_network
from model.weights import write_weights

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


def in_two_shards(folder: Path) -> None:
    """The head in a shard of its own."""
    tensors = stored(folder)
    save_file({HEAD: tensors[HEAD].clone()}, folder / "b.safetensors")
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


def test_many_tensors_go_into_several_files_and_come_back_to_the_bit(tmp_path: Path) -> None:
    network = random_network(smallest(), seed=3)
    write_weights(network, network.config, tmp_path, shard_bytes=150_000)
    files = sorted(path.name for path in tmp_path.glob("*.safetensors"))
    assert files[0] == f"model-00001-of-{len(files):05}.safetensors"
    assert len(files) > 3
    assert max((tmp_path / file).stat().st_size for file in files) < 160_000
    for name, tensor in load(tmp_path).state_dict().items():
        assert torch.equal(tensor, network.state_dict()[name]), name
    network.save_pretrained(tmp_path)
    assert not (tmp_path / INDEX).exists(), "an index of older files would be believed"
    load(tmp_path)


def test_weights_are_written_in_the_type_asked_for(tmp_path: Path) -> None:
    random_network(smallest(), seed=3).save_pretrained(tmp_path, dtype=torch.bfloat16)
    kinds = {name: tensor.dtype for name, tensor in stored(tmp_path).items()}
    assert kinds.pop(BIAS) == torch.float32
    assert set(kinds.values()) == {torch.bfloat16}


def test_loading_tells_how_far_it_is(folder: Path) -> None:
    told: list[tuple[int, int]] = []
    KimiVL.from_pretrained(folder, on_progress=lambda read, whole: told.append((read, whole)))
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1] == sum(t.nbytes for t in stored(folder).values())


def test_a_file_of_another_type_is_let_go_when_it_is_read(tmp_path: Path) -> None:
    random_network(smallest(), seed=3).save_pretrained(tmp_path, dtype=torch.bfloat16)
    network = load(tmp_path, torch.float32)
    assert network.language_model.lm_head.weight.dtype == torch.float32
    assert str(tmp_path) not in Path("/proc/self/maps").read_text()
