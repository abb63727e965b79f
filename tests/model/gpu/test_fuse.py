"""Fused or not, recorded or not, the network says the same; here without a card."""

from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from model.cache import LatentCache
from model.config import KimiVLConfig
from model.generate import Generator
from model.gpu.experts import FusedMixture, WideExperts, has_grouped
from model.gpu.fuse import Bits, fused
from model.gpu.int4 import Int4Linear, quantised, unpack
from model.gpu.steps import WIDTHS, Steps
from model.kimi_vl import KimiVL
from model.train.initial import random_network

CPU = torch.device("cpu")
CLOSE = 1e-5


@pytest.fixture(scope="module")
def network() -> KimiVL:
    """Tiny, of sizes that four bits can have."""
    tiny = KimiVLConfig.tiny()
    text = replace(tiny.text, hidden_size=128, moe_intermediate_size=64, intermediate_size=192)
    return random_network(replace(tiny, text=text), seed=0).eval()


@pytest.fixture(scope="module")
def ids() -> Tensor:
    return torch.randint(0, 400, (1, 40), generator=torch.manual_seed(1))


def in_four_bits(network: KimiVL) -> KimiVL:
    """As loaded, its weights rounded as `fused` rounds them: what four bits should say."""
    rounded = deepcopy(network)
    kept = ("embed_tokens", "gate.weight", "kv_b_proj", "norm")
    for name, weight in rounded.language_model.named_parameters():
        if not any(part in name for part in kept):
            weight.data = unpack(quantised(weight.data), torch.float32)
    return rounded


@pytest.mark.parametrize("bits", [16, 4])
@torch.inference_mode()
def test_fused_experts_say_what_single_ones_do(network: KimiVL, ids: Tensor, bits: Bits) -> None:
    right = network(ids) if bits == 16 else in_four_bits(network)(ids)
    found = fused(deepcopy(network), CPU, bits)
    assert (found(ids) - right).abs().max() < CLOSE
    # Few tokens go another way, with copies of the chosen experts.
    for layer in found.language_model.model.layers[1:]:
        assert isinstance(layer.mlp, FusedMixture)
        if isinstance(layer.mlp.experts, WideExperts):
            layer.mlp.experts.grouped = False
    assert (found(ids[:, :7]) - right[:, :7]).abs().max() < CLOSE
    assert (found(ids) - right).abs().max() < CLOSE
    assert isinstance(found.language_model.lm_head, Int4Linear) == (bits == 4)


@torch.inference_mode()
def test_padded_passes_over_the_cache_in_place_say_what_growing_ones_do(
    network: KimiVL, ids: Tensor
) -> None:
    right = network(ids)[0]
    cache = LatentCache(network.config.text.num_hidden_layers)
    steps = Steps(network)
    assert steps.logits([5], cache) is None, "nothing is in the cache yet"
    network.hidden(network.language_model.model.embed_tokens(ids[:, :20]), cache)
    assert steps.logits([5] * (WIDTHS[-1] + 1), cache) is None
    start = 20
    for width in (1, 2, 3, 1, 7):
        logits = steps.logits(ids[0, start : start + width].tolist(), cache)
        assert logits is not None
        assert (logits - right[start : start + width]).abs().max() < CLOSE
        start += width
        assert cache.length == start
    # Guesses that were wrong are forgotten, and their places written again.
    cache.rewind(22)
    again = steps.logits(ids[0, 22:24].tolist(), cache)
    assert again is not None
    assert (again - right[22:24]).abs().max() < CLOSE


@torch.inference_mode()
def test_a_generator_answers_alike_by_steps_in_place(network: KimiVL, ids: Tensor) -> None:
    ways = (Generator(network), Generator(network, in_place=True))
    answers = [generator.run(ids, max_new_tokens=60).token_ids for generator in ways]
    assert answers[0] == answers[1]


def test_groups_are_multiplied_by_the_library_where_that_does_not_ask_the_host() -> None:
    assert has_grouped(CPU, torch.float32)
