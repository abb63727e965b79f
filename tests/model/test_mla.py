import torch

from model.cache import LatentCache, causal_mask
from model.config import KimiVLConfig
from model.kimi_vl import KimiVL
from model.mla import MultiHeadLatentAttention
from model.rope import text_angles


def attention() -> MultiHeadLatentAttention:
    torch.manual_seed(1)
    return MultiHeadLatentAttention(KimiVLConfig.tiny().text)


def test_decoding_over_latents_is_prefill_over_heads() -> None:
    layer = attention()
    x = torch.randn(1, 6, 64)
    angles = text_angles(torch.arange(6), 8, 800000.0)
    cos, sin = angles.cos(), angles.sin()
    with torch.inference_mode():
        at_once = layer(x, cos, sin, causal_mask(6, 0, x.device))
        cache = LatentCache(1)
        one_by_one = [
            layer(
                x[:, i : i + 1],
                cos[i : i + 1],
                sin[i : i + 1],
                causal_mask(1, i, x.device),
                cache,
            )
            for i in range(6)
        ]
    assert torch.allclose(torch.cat(one_by_one, dim=1), at_once, atol=1e-5)


def test_a_few_tokens_over_latents_see_no_further_than_themselves() -> None:
    layer = attention()
    x = torch.randn(1, 9, 64)
    angles = text_angles(torch.arange(9), 8, 800000.0)
    cos, sin = angles.cos(), angles.sin()
    with torch.inference_mode():
        expanded = layer(x, cos, sin, causal_mask(9, 0, x.device))
        cache = LatentCache(1)
        absorbed = [
            layer(
                x[:, start:end],
                cos[start:end],
                sin[start:end],
                causal_mask(end - start, start, x.device),
                cache,
            )
            for start, end in ((0, 4), (4, 9))
        ]
    assert torch.allclose(torch.cat(absorbed, dim=1), expanded, atol=1e-5)


def test_the_cache_keeps_the_latent_and_one_rotated_key() -> None:
    layer = attention()
    x = torch.randn(1, 3, 64)
    angles = text_angles(torch.arange(3), 8, 800000.0)
    assert layer.entries(x, angles.cos(), angles.sin()).shape == (1, 3, 24 + 8)


def test_a_prompt_in_pieces_gives_the_logits_of_the_whole(golden_network: KimiVL) -> None:
    ids = torch.arange(20).reshape(1, 20)
    with torch.inference_mode():
        whole = golden_network.hidden(golden_network.embed(ids))
        cache = LatentCache(3)
        pieces = [
            golden_network.hidden(golden_network.embed(ids[:, start:end]), cache)
            for start, end in ((0, 9), (9, 10), (10, 20))
        ]
    assert torch.allclose(torch.cat(pieces, dim=1), whole, atol=1e-5)


def test_after_a_rewind_another_ending_is_as_if_from_nothing(golden_network: KimiVL) -> None:
    prefix, one, other = torch.arange(8)[None], torch.tensor([[99]]), torch.tensor([[17]])
    with torch.inference_mode():
        cache = LatentCache(3)
        golden_network.hidden(golden_network.embed(prefix), cache)
        golden_network.hidden(golden_network.embed(one), cache)
        cache.rewind(8)
        again = golden_network.hidden(golden_network.embed(other), cache)
        fresh = golden_network.hidden(golden_network.embed(torch.cat((prefix, other), dim=1)))
    assert torch.allclose(again[:, -1], fresh[:, -1], atol=1e-5)
