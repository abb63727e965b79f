"""From a folder to ours: what it says afterwards, and what may go wrong on the way."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from model.config import KimiVLConfig
from model.kernels.plain import PlainKernels
from model.kimi_vl import KimiVL
from model.quantized.convert import Report, quantize_folder
from model.quantized.plan import Plan
from model.train.initial import random_network

EIGHT = Plan(experts=8, attention=8, head=8, vision=8)


def smallest() -> KimiVLConfig:
    tiny = KimiVLConfig.tiny()
    text = replace(tiny.text, num_hidden_layers=2, n_routed_experts=2, num_experts_per_tok=1)
    return replace(tiny, text=text, vision=replace(tiny.vision, num_hidden_layers=1))


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("source")
    random_network(smallest(), seed=0).save_pretrained(folder, torch.bfloat16)
    return folder


@pytest.fixture(scope="module")
def eight(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("made") / "eight"
    convert(source, out)
    return out


def convert(
    source: Path, out: Path, on_progress: Callable[[int, int], None] | None = None
) -> Report:
    return quantize_folder(source, out, EIGHT, PlainKernels(), on_progress=on_progress)


def logits(folder: Path) -> torch.Tensor:
    network = KimiVL.from_pretrained(folder, dtype=torch.float32)
    with torch.inference_mode():
        return network(torch.arange(40)[None])


def test_the_network_says_nearly_the_same_afterwards(source: Path, eight: Path) -> None:
    exact = logits(source)
    assert (logits(eight) - exact).norm() < 0.03 * exact.norm()
