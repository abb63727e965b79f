"""From a folder to ours: what it says afterwards, and what may go wrong on the way."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from model.chat import ChatModel
from model.checkpoint import SINGLE
from model.config import KimiVLConfig
from model.errors import CheckpointError
from model.kernels.plain import PlainKernels
from model.kimi_vl import KimiVL
from model.processor import ModelInput
from model.quantized.calibrate import input_products
from model.quantized.convert import Report, quantize_folder
from model.quantized.feedback import Feedback
from model.quantized.grid import weights_of
from model.quantized.plan import REPORT, Plan
from model.shelf import NANO_WEIGHTS, weights_folder
from model.train.initial import random_network

EIGHT = Plan(experts=8, attention=8, head=8, vision=8)
ROOT = Path(__file__).parents[3]


def smallest() -> KimiVLConfig:
    tiny = KimiVLConfig.tiny()
    text = replace(tiny.text, num_hidden_layers=2, n_routed_experts=2, num_experts_per_tok=1)
    return replace(tiny, text=text, vision=replace(tiny.vision, num_hidden_layers=1))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    random_network(smallest(), seed=0).save_pretrained(folder, torch.bfloat16)
    return folder


def convert(
    source: Path,
    out: Path,
    on_progress: Callable[[int, int], None] | None = None,
    plan: Plan = EIGHT,
) -> Report:
    return quantize_folder(source, out, plan, PlainKernels(), on_progress=on_progress)


def logits(folder: Path) -> torch.Tensor:
    network = KimiVL.from_pretrained(folder, dtype=torch.float32)
    with torch.inference_mode():
        found: torch.Tensor = network(torch.arange(40)[None])
    return found


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def at(share: float, act: Callable[[], object]) -> Callable[[int, int], None]:
    """Do something once, when that share of the weights is dealt with."""
    done: list[bool] = []

    def tell(num_done: int, num_all: int) -> None:
        if num_done > share * num_all and not done:
            done.append(True)
            act()

    return tell


def test_the_network_says_nearly_the_same_afterwards(source: Path, tmp_path: Path) -> None:
    exact = logits(source)
    report = convert(source, tmp_path / "out")
    assert (logits(tmp_path / "out") - exact).norm() < 0.03 * exact.norm()
    assert report.errors["layer 1"]["gate_up"].relative < 0.005
    assert {"wqkv", "wo", "fc0", "fc1"} == report.errors["vision"].keys()


def test_broken_off_it_goes_on_and_ends_in_the_same_bytes(source: Path, tmp_path: Path) -> None:
    convert(source, tmp_path / "whole")

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convert(source, tmp_path / "out", at(0.5, interrupt))
    with pytest.raises(CheckpointError, match="no weights"):
        weights_folder(str(tmp_path / "out"))
    assert not list((tmp_path / "out").glob("*.partial"))
    report = convert(source, tmp_path / "out")
    assert 0 < report.num_done_before < len(report.errors)
    assert content(tmp_path / "out") == content(tmp_path / "whole")


def test_a_part_that_is_not_what_was_written_is_made_again(source: Path, tmp_path: Path) -> None:
    convert(source, tmp_path / "out")
    whole = content(tmp_path / "out")
    part = tmp_path / "out" / "model-00003-of-00005.safetensors"
    part.write_bytes(part.read_bytes()[:-1] + b"x")
    assert convert(source, tmp_path / "out").num_done_before == 4
    assert content(tmp_path / "out") == whole


def test_killed_it_goes_on(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    program = (
        "import sys, os, signal; from pathlib import Path;"
        "from model.quantized.convert import quantize_folder;"
        "from model.quantized.plan import Plan; from model.kernels.plain import PlainKernels;"
        "tell = lambda a, b: a > b // 2 and os.kill(os.getpid(), signal.SIGKILL);"
        "quantize_folder(Path(sys.argv[1]), Path(sys.argv[2]),"
        " Plan(experts=8, attention=8, head=8, vision=8), PlainKernels(), on_progress=tell)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(source), str(out)], cwd=ROOT)
    assert done.returncode == -signal.SIGKILL
    assert not (out / "config.json").exists()
    assert convert(source, out).num_done_before > 0
    convert(source, tmp_path / "whole")
    assert content(out) == content(tmp_path / "whole")


def test_a_source_cut_off_is_refused_before_anything_is_written(
    source: Path, tmp_path: Path
) -> None:
    os.truncate(source / SINGLE, (source / SINGLE).stat().st_size - 100)
    with pytest.raises(CheckpointError, match="its header accounts for"):
        convert(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_source_changed_meanwhile_is_noticed(source: Path, tmp_path: Path) -> None:
    def change() -> None:
        random_network(smallest(), seed=1).save_pretrained(source, torch.bfloat16)

    with pytest.raises(CheckpointError, match="has changed since it was opened"):
        convert(source, tmp_path / "out", at(0.5, change))
    with pytest.raises(CheckpointError, match="was begun with another source"):
        convert(source, tmp_path / "out")


def test_another_plan_or_a_folder_of_something_else_is_refused(
    source: Path, tmp_path: Path
) -> None:
    with pytest.raises(CheckpointError, match="holds something else"):
        convert(source, source)
    convert(source, tmp_path / "out")
    with pytest.raises(CheckpointError, match="was begun with another plan"):
        convert(source, tmp_path / "out", plan=replace(EIGHT, head=4))
    with pytest.raises(CheckpointError, match="is quantized already"):
        convert(tmp_path / "out", tmp_path / "again")


def test_a_disk_that_fills_up_is_named_and_nothing_half_made_is_left(
    source: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    # In a process of its own: the limit on files would be that of the tests too.
    program = (
        "import sys, resource, signal; from pathlib import Path;"
        "from model.errors import CheckpointError;"
        "from model.quantized.convert import quantize_folder;"
        "from model.quantized.plan import Plan; from model.kernels.plain import PlainKernels;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000));\n"
        "try: quantize_folder(Path(sys.argv[1]), Path(sys.argv[2]),"
        " Plan(experts=8, attention=8, head=8, vision=8), PlainKernels())\n"
        "except CheckpointError as error: sys.exit(str(error))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(source), str(out)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "no room for model-" in done.stderr
    assert not list(out.glob("*.partial"))
    assert not (out / "config.json").exists()
    convert(source, out)
    logits(out)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ({"format": 2}, "format is '2'"),
        ({"quant_method": "gptq"}, "quant_method is 'gptq'"),
        ({"bits_of": {"experts": 3}}, "no usable bits"),
        ({"bits_of": {"experts": 3, "attention": 4, "head": 4, "vision": 16}}, "experts in 3 bits"),
    ],
)
def test_a_record_that_is_none_is_refused(
    source: Path, tmp_path: Path, edit: dict[str, object], message: str
) -> None:
    found = json.loads((source / "config.json").read_text())
    whole = {**Plan().record(), **edit}
    (source / "config.json").write_text(json.dumps({**found, "quantization_config": whole}))
    with pytest.raises(CheckpointError, match=message):
        KimiVL.from_pretrained(source)


def test_a_folder_of_ours_cut_off_or_of_other_bits_is_refused(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    convert(source, out)
    config = json.loads((out / "config.json").read_text())
    config["quantization_config"]["bits_of"]["head"] = 4
    kept = (out / "config.json").read_bytes()
    (out / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match="has shape"):
        KimiVL.from_pretrained(out)
    (out / "config.json").write_bytes(kept)
    [last] = out.glob(f"model-{len(json.loads((out / REPORT).read_text())['parts']):05}-of-*")
    os.truncate(last, last.stat().st_size - 64)
    with pytest.raises(CheckpointError, match="its header accounts for"):
        KimiVL.from_pretrained(out)


def test_a_calibration_knows_the_inputs_of_every_matrix_but_the_towers(source: Path) -> None:
    network = KimiVL.from_pretrained(source, dtype=torch.float32)
    ids = torch.randint(0, 400, (1, 300), generator=torch.Generator().manual_seed(0))
    products = input_products(network, [ModelInput(ids, None, None)])
    for name, parameter in network.language_model.named_parameters(prefix="language_model"):
        if "_proj" in name or "lm_head" in name:
            found = products(name)
            assert found is not None, name
            assert found.shape == (parameter.shape[1],) * 2
    assert products("vision_tower.encoder.blocks.0.wo.weight") is None


@pytest.mark.parametrize("bits", [4, 8])
def test_a_calibration_lowers_the_error_of_what_comes_out(bits: int) -> None:
    draws = torch.Generator().manual_seed(0)
    weight = torch.randn(48, 100, generator=draws)
    # Inputs that go together, as in trained networks: fewer causes than channels.
    x = torch.randn(2000, 30, generator=draws) @ torch.randn(30, 100, generator=draws)
    x += 0.3 * torch.randn(2000, 100, generator=draws)
    seen, unseen = x.split(1000)
    plain = PlainKernels().fit(weight, bits, None)
    fed = Feedback(seen.T @ seen / len(seen)).fit(weight, bits)
    errors = [
        float((unseen @ (weights_of(fitted.packed, bits, 48, 100) - weight).T).norm())
        for fitted in (plain, fed)
    ]
    assert errors[1] < 0.7 * errors[0]
    # And it tells the truth about it.
    told = (fed.squared_error / fed.squared) ** 0.5
    assert told == pytest.approx(errors[1] / float((unseen @ weight.T).norm()), rel=0.2)


def test_the_small_network_answers_from_a_folder_in_eight_bits(tmp_path: Path) -> None:
    """By the way everything takes: nothing but the folder's name says that it is quantized."""
    from model.messages import Sampling, user
    from model.quantized.kit import convert as converted

    converted("nano", tmp_path / "eight", bits=8, vision_bits=16, threads=1)
    asked, sampling = [user("Click the button.")], Sampling(max_new_tokens=12)
    exact, ours = (
        ChatModel.from_pretrained(folder).complete(asked, sampling=sampling)
        for folder in (NANO_WEIGHTS, tmp_path / "eight")
    )
    assert ours.token_ids == exact.token_ids


def test_a_folder_that_changed_since_it_was_made_is_refused(source: Path, tmp_path: Path) -> None:
    made = tmp_path / "made"
    convert(source, made)
    logits(made)
    path = next(made.glob("model-00002-*.safetensors"))
    # Longer by what the format allows behind a header: only the report knows better.
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    path.write_bytes(
        (length + 64).to_bytes(8, "little")
        + content[8 : 8 + length]
        + b" " * 64
        + content[8 + length :]
    )
    with pytest.raises(CheckpointError, match="quantize wrote"):
        logits(made)
