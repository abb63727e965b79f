"""Every set of instructions that this processor has computes what torch computes."""

from dataclasses import replace
from itertools import product

import pytest
import torch

from model.cache import LatentCache, causal_mask
from model.config import KimiVLConfig
from model.decoder import DecoderLayer
from model.kernels.build import NoKernels, library
from model.kernels.compiled import CompiledKernels, Variant
from model.kernels.contract import Kernels
from model.kernels.plain import PlainKernels
from model.kimi_vl import KimiVL
from model.mla import MultiHeadLatentAttention
from model.quantized.grid import ROWS, SPAN, Packed, padded, weights_of
from model.quantized.modules import QuantizedExperts, QuantizedLinear, put_on_grid
from model.quantized.plan import Plan
from model.rope import rotate, text_angles

TYPES = (torch.float32, torch.bfloat16)
NEAR = {torch.float32: 5e-4, torch.bfloat16: 4e-3}
"""Relative: sums in another order, which may turn a hidden value to the next whole number, and
the rounding of the outcome."""
NEAR_IN_TILES = 1e-2
"""AMX multiplies bfloat16."""


@pytest.fixture(scope="module", params=list(Variant), ids=lambda variant: variant.name)
def compiled(request: pytest.FixtureRequest) -> CompiledKernels:
    try:
        return CompiledKernels(library(), request.param)
    except (NoKernels, ValueError) as reason:
        pytest.skip(str(reason))


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def stack(*shape: int, bits: int) -> Packed:
    made = [
        PlainKernels().fit(drawn(*shape[1:], seed=i), bits, None).packed for i in range(shape[0])
    ]
    return Packed(torch.stack([p.blocks for p in made]), torch.stack([p.rows for p in made]))


def difference(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float((found.float() - expected.float()).norm() / expected.float().norm())


def near(kernels: CompiledKernels, dtype: torch.dtype, num_tokens: int) -> float:
    wide = kernels.variant is Variant.AMX and num_tokens >= 16
    return NEAR_IN_TILES if wide else NEAR[dtype]


@pytest.mark.parametrize("bits", [4, 8])
def test_a_product_is_torchs(compiled: CompiledKernels, bits: int) -> None:
    packed = PlainKernels().fit(drawn(100, 200), bits, None).packed
    for num_tokens, dtype in product((1, 2, 3, 5, 9, 40), TYPES):
        x = (3 * drawn(num_tokens, 200, seed=1)).to(dtype)
        expected = PlainKernels().linear(x, packed, bits, 100)
        found = compiled.linear(x, packed, bits, 100)
        assert found.dtype is dtype
        assert difference(found, expected) < near(compiled, dtype, num_tokens)


@pytest.mark.parametrize("bits", [4, 8])
def test_experts_are_mixed_as_torch_mixes_them(compiled: CompiledKernels, bits: int) -> None:
    gate_up, down = stack(5, 2 * padded(96, SPAN), 72, bits=bits), stack(5, 72, 128, bits=bits)
    for num_tokens in (1, 4, 30, 600):
        x = 0.3 * drawn(num_tokens, 72, seed=1)
        experts = drawn(num_tokens, 5, seed=2).argsort(1)[:, :3]
        given = (x, gate_up, down, bits, experts, drawn(num_tokens, 3, seed=3))
        expected = PlainKernels().experts(*given)
        assert difference(compiled.experts(*given), expected) < near(
            compiled, torch.float32, num_tokens
        )


def test_the_outcome_does_not_depend_on_how_many_threads_share_the_work() -> None:
    kernels: Kernels = CompiledKernels(library())
    packed = PlainKernels().fit(drawn(300, 256), 4, None).packed
    x = drawn(20, 256, seed=1)
    alone = kernels.linear(x, packed, 4, 300)
    torch.set_num_threads(3)
    try:
        assert torch.equal(kernels.linear(x, packed, 4, 300), alone)
    finally:
        torch.set_num_threads(1)


@pytest.mark.parametrize("bits", [4, 8])
def test_the_grid_found_is_as_good_as_torchs(compiled: CompiledKernels, bits: int) -> None:
    weight, importance = drawn(40, 200), drawn(200, seed=1).square()
    for weighs in (None, importance):
        expected, found = (k.fit(weight, bits, weighs) for k in (PlainKernels(), compiled))
        assert found.squared == pytest.approx(expected.squared, rel=1e-4)
        assert found.squared_error == pytest.approx(expected.squared_error, rel=0.02)
        error = weights_of(found.packed, bits, 40, 200) - weight
        if weighs is None:
            assert float(error.square().sum()) == pytest.approx(found.squared_error, rel=1e-3)


def test_tokens_of_nothing_give_nothing(compiled: CompiledKernels) -> None:
    packed = PlainKernels().fit(drawn(16, 64), 4, None).packed
    assert not compiled.linear(torch.zeros(2, 64), packed, 4, 16).any()
    assert compiled.linear(torch.zeros(0, 64), packed, 4, 16).shape == (0, 16)


@pytest.mark.parametrize("rank", [96, 128])
@pytest.mark.parametrize("dtype", TYPES)
def test_attention_over_latents_is_that_of_the_plain_network(
    compiled: CompiledKernels, dtype: torch.dtype, rank: int
) -> None:
    """Pairs of bfloat16 are multiplied where a rank is of spans of 64."""
    nano = replace(KimiVLConfig.nano().text, kv_lora_rank=rank)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        attention = MultiHeadLatentAttention(nano).to(dtype).eval()
    x = drawn(1, 700, nano.hidden_size).to(dtype)
    angles = text_angles(torch.arange(700), nano.qk_rope_head_dim, nano.rope_theta)
    cos, sin = angles.cos().to(dtype), angles.sin().to(dtype)
    found = []
    for kernels in (None, compiled):
        attention.kernels, cache = kernels, LatentCache(1)
        outcome = []
        with torch.inference_mode():
            for new in (slice(0, 690), slice(690, 691), slice(691, 700)):
                visible = causal_mask(new.stop - new.start, new.start, torch.device("cpu"))
                given = (x[:, new], cos[new], sin[new], visible, cache)
                outcome.append(attention(*given))
        found.append(torch.cat(outcome[1:], dim=1))
    assert difference(found[1], found[0]) < (1e-5 if dtype is torch.float32 else 2e-2)


@pytest.mark.parametrize("dtype", TYPES)
def test_a_layer_in_one_call_is_the_layer_in_parts(
    compiled: CompiledKernels, dtype: torch.dtype
) -> None:
    config = replace(KimiVLConfig.nano(), text=replace(KimiVLConfig.nano().text, kv_lora_rank=128))
    text = config.text
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = KimiVL(config)
        put_on_grid(network, Plan(), compiled)
        for module in network.modules():
            if isinstance(module, QuantizedLinear | QuantizedExperts):
                scatter(module)
        for parameter in network.eval().parameters():
            parameter.data = torch.randn(parameter.shape).mul_(0.05).to(dtype)
    cases = ((slice(300, 301), 2), (slice(301, 310), 9))
    for layer, (new, seed) in product(network.language_model.model.layers[:2], cases):
        assert isinstance(layer, DecoderLayer)
        angles = text_angles(torch.arange(new.start, new.stop), text.qk_rope_head_dim, 1e4)
        cos, sin = angles.cos().to(dtype), angles.sin().to(dtype)
        visible = causal_mask(new.stop - new.start, new.start, torch.device("cpu"))
        x = drawn(1, new.stop - new.start, text.hidden_size, seed=seed).to(dtype)
        found, fused = [], layer.few
        assert fused is not None
        for few in (None, fused):
            layer.few = few
            cache = LatentCache(2)
            for index in (0, 1):
                cache.append(index, drawn(1, new.start, 160).to(dtype))
            with torch.inference_mode():
                outcome = layer(x, cos, sin, visible, cache)
            found.append((outcome - x, cache.append(layer.index, drawn(1, 0, 160).to(dtype))))
        (parts, entries), (whole, written) = found
        most = 1e-4 if dtype is torch.float32 else 3e-2
        assert difference(whole, parts) < most
        assert difference(written, entries) < most


def test_a_picture_attends_as_torch_has_it_or_is_left_to_torch(compiled: CompiledKernels) -> None:
    for num_patches in (36, 600):
        qkv = drawn(num_patches, 3, 4, 72).bfloat16()
        angles = drawn(num_patches, 36, seed=1)
        cos, sin = angles.cos(), angles.sin()
        found = compiled.picture(qkv, cos, sin, 72**-0.5)
        if compiled.variant is not Variant.AMX:
            assert found is None
            continue
        query, key, value = qkv.float().unbind(1)
        turned = [rotate(part, cos, sin).transpose(0, 1) for part in (query, key)]
        weights = torch.softmax(turned[0] @ turned[1].transpose(1, 2) * 72**-0.5, dim=-1)
        expected = (weights @ value.transpose(0, 1)).transpose(0, 1).flatten(1)
        assert found is not None
        assert difference(found, expected) < NEAR_IN_TILES


def scatter(module: QuantizedLinear | QuantizedExperts) -> None:
    """Any bytes are weights; around zero, and of a size that keeps outcomes of the inputs'."""
    for name in ("weight", "gate_up", "down"):
        if hasattr(module, name):
            getattr(module, name).random_(0, 256)
            rows = getattr(module, f"{name}_rows")
            rows[..., :ROWS], rows[..., ROWS:] = 5e-5, 5e-5 * 7.5
