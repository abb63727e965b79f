"""The small checks of `benchmarks.gpu`: numbers against numbers known to be right."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from benchmarks.random_gpu import random_experts
from benchmarks.timing import seconds_of
from model.attention import attend_packed, flash_attention, torch_varlen
from model.cache import LatentCache
from model.config import KimiVLConfig
from model.generate import Generator
from model.gpu.experts import Int4Experts, WideExperts, by_expert, gated
from model.gpu.fuse import Bits, fused
from model.gpu.int4 import Packed, pack, product, quantised, unpack
from model.gpu.steps import Steps
from model.kimi_vl import KimiVL
from model.train.initial import random_network

CLOSE = {torch.float32: 1e-4, torch.bfloat16: 0.05}
"""Root mean square of the difference over that of what is right."""

ROUTED_ELSEWHERE = 0.15
"""Of random weights, where rounding sends some tokens to other experts than the text at once."""


def small_config() -> KimiVLConfig:
    """Sizes the kernels for int4 take, and small."""
    tiny = KimiVLConfig.tiny()
    text = replace(
        tiny.text,
        hidden_size=256,
        moe_intermediate_size=128,
        intermediate_size=384,
        n_routed_experts=16,
        max_position_embeddings=65536,
    )
    return replace(tiny, text=text)


def difference(found: Tensor, right: Tensor) -> float:
    found, right = found.float(), right.float()
    return float((found - right).norm() / right.norm())


def golden(folder: Path, device: torch.device, dtype: torch.dtype) -> dict[str, Any]:
    """Against the public implementation's numbers, as loaded and as fused, and its answer."""
    expected = {name: tensor.to(device) for name, tensor in load_file(folder / EXPECTED).items()}
    prompt = [expected[name] for name in ("input_ids", "pixel_values", "image_grid_hws")]
    network = KimiVL.from_pretrained(folder, dtype=dtype, device=device)
    found = {"loaded": difference(network(*prompt), expected["logits"])}
    answer = expected["greedy"].flatten().tolist()

    def agrees(generator: Generator) -> float:
        made = generator.run(*prompt, max_new_tokens=len(answer)).token_ids
        return sum(one == other for one, other in zip(made, answer, strict=True)) / len(answer)

    said = {"loaded answer": agrees(Generator(network))}
    fused(network, device, 16)
    found["fused"] = difference(network(*prompt), expected["logits"])
    said["recorded answer"] = agrees(Generator(network, in_place=True))
    exact = dtype != torch.float32 or min(said.values()) == 1.0
    return {"ok": max(found.values()) < CLOSE[dtype] and exact, "difference": found, **said}


EXPECTED = "expected.safetensors"


def layout(device: torch.device) -> dict[str, Any]:
    """Our packing against torch's own, which exists on a card only; and there and back."""
    agrees = {}
    for rows, columns in ((64, 128), (64, 1408), (24, 64)):
        q = torch.randint(0, 16, (rows, columns), dtype=torch.uint8, device=device)
        ones = torch.ones(rows, columns // 32, device=device)
        packed = pack(q, ones, ones * 8)
        back = torch.equal(unpack(packed).to(torch.uint8), q)
        theirs = True
        if device.type == "cuda":
            pairs = (q[:, ::2] << 4) | q[:, 1::2]
            tiles = packed.weights.shape[-1] * 2
            own = torch._convert_weight_to_int4pack(pairs.contiguous(), tiles)
            theirs = torch.equal(own, packed.weights)
        agrees[f"{rows}x{columns}"] = {"back": back, "as torch packs": theirs}
    return {"ok": all(all(one.values()) for one in agrees.values()), "agrees": agrees}


def products(device: torch.device, config: KimiVLConfig) -> dict[str, Any]:
    """The kernel for int4 against the unpacked weights, by number of rows; and its speed."""
    dim, hidden = config.text.hidden_size, config.text.moe_intermediate_size
    rows_of: dict[str, Any] = {}
    worst = 0.0
    for outputs, inputs in ((6 * 2 * hidden, dim), (6 * dim, hidden), (dim, dim)):
        packed = quantised(torch.randn(outputs, inputs, device=device) * 0.02)
        wide = unpack(packed)
        for rows in (1, 6, 16, 32):
            x = torch.randn(rows, inputs, device=device, dtype=torch.bfloat16)
            off = difference(product(x, packed), x.float() @ wide.float().T)
            worst = max(worst, off)
            rows_of[f"{rows}x{inputs}x{outputs}"] = {
                "difference": round(off, 5),
                "us": micro(partial(product, x, packed), device),
                "bf16_us": micro(partial(torch.matmul, x, wide.T), device),
                "unpack_us": micro(partial(unpack, packed), device),
            }
    return {"ok": worst < 0.01, "worst": worst, "by_shape": rows_of}


def experts(device: torch.device, config: KimiVLConfig, bits: Bits) -> dict[str, Any]:
    """One layer's experts against one expert after another; by each way there is."""
    text = config.text
    bank = random_experts(text, device, bits)
    ways: dict[str, WideExperts | Int4Experts] = {"default": bank}
    if isinstance(bank, WideExperts):
        ways = {
            name: WideExperts(bank.gate_up, bank.down, grouped=grouped)
            for name, grouped in (("grouped", True), ("gathered", False))
        }
    found: dict[str, Any] = {}
    for num_tokens in (1, 3, 9, 2048):
        x = torch.randn(num_tokens, text.hidden_size, device=device, dtype=torch.bfloat16)
        scores = torch.rand(num_tokens, text.n_routed_experts, device=device)
        chosen = scores.topk(text.num_experts_per_tok, dim=-1, sorted=False).indices
        right = _one_after_another(bank, x, chosen)
        for name, way in ways.items():
            run = partial(way, x, chosen)
            try:
                found[f"{name} {num_tokens}"] = {
                    "difference": round(difference(run(), right), 5),
                    "us": micro(run, device, recorded=num_tokens <= 16),
                }
            # A way that does not run here is a fact to learn; the other may.
            except Exception as error:
                found[f"{name} {num_tokens}"] = {"error": f"{type(error).__name__}: {error}"[:400]}
    right_ones = [one.get("difference", 1.0) < 0.02 for one in found.values()]
    return {"ok": all(right_ones), "ways": found}


def _one_after_another(bank: WideExperts | Int4Experts, x_TD: Tensor, experts_TK: Tensor) -> Tensor:
    gate_up: Tensor
    down: Tensor
    if isinstance(bank, WideExperts):
        gate_up, down = bank.gate_up, bank.down
    else:
        gate_up = unpack(Packed(bank.gate_up, bank.gate_up_scales))
        down = unpack(Packed(bank.down, bank.down_scales))
    order_R, counts_E = by_expert(experts_TK, len(gate_up))
    rows = x_TD[order_R // experts_TK.shape[1]].split(counts_E.tolist())
    out = torch.cat(
        [gated(some @ up.T) @ to.T for some, up, to in zip(rows, gate_up, down, strict=True)]
    )
    back = torch.empty_like(out)
    back[order_R] = out
    return back.unflatten(0, experts_TK.shape)


def graphs(device: torch.device, bits: Bits) -> dict[str, Any]:
    """Decoding with and without recorded passes, and both against the whole text at once."""
    config = small_config()
    network = random_network(config, seed=0).to(device, torch.bfloat16).eval()
    wide = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    fused(network, device, bits)
    ids = torch.randint(0, 400, (1, 1000), device=device)
    passes: dict[bool, list[Tensor]] = {True: [], False: []}
    answers = {}
    for recorded in (False, True):
        cache = LatentCache(config.text.num_hidden_layers)
        network.hidden(network.language_model.model.embed_tokens(ids[:, :900]), cache)
        steps = Steps(network, recorded=recorded and device.type == "cuda")
        start = 900
        # Across 1,024 keys and across the cache's growth, with every width.
        for width in (1, 1, 2, 3, 7, 9, 1, 9, 9, 9, 9, 1, 1, 1):
            made = steps.logits(ids[0, start : start + width].tolist(), cache)
            assert made is not None
            passes[recorded].append(made.clone())
            start += width
        generator = Generator(network, in_place=recorded)
        answers[recorded] = generator.run(ids[:, :200], max_new_tokens=48).token_ids
    whole = network(ids[:, :start])[0, 900:]
    plain = torch.cat(passes[False])
    found = {"against the text at once": difference(plain, whole)}
    right = found["against the text at once"] < ROUTED_ELSEWHERE
    found["recorded or not"] = difference(torch.cat(passes[True]), plain)
    right = right and found["recorded or not"] < 1e-3
    if bits == 4:
        found["int4 or not"] = _against_wide(config, wide, ids, whole, device)
    same = [one == other for one, other in zip(*answers.values(), strict=True)]
    return {"ok": right, "difference": found, "same_of_48": sum(same)}


def _against_wide(
    config: KimiVLConfig,
    state: Mapping[str, Tensor],
    ids: Tensor,
    found_TV: Tensor,
    device: torch.device,
) -> float:
    network = KimiVL(config).to(device, torch.bfloat16).eval()
    network.load_state_dict(state)
    end = 900 + len(found_TV)
    return difference(found_TV, network(ids[:, :end])[0, 900:])


def packs(device: torch.device) -> dict[str, Any]:
    """Pictures of several sizes in one call of each kernel there is, against one after another."""
    sizes = [1024, 1024, 520, 2704]
    found: dict[str, Any] = {}
    q, k, v = torch.randn(3, sum(sizes), 16, 72, device=device)
    right = attend_packed(q, k, v, sizes, scale=72**-0.5)
    q16, k16, v16 = (tensor.bfloat16() for tensor in (q, k, v))
    kernels = {"torch varlen": torch_varlen, "flash-attn": flash_attention()}
    if device.type != "cuda":
        kernels = {}
    for name, kernel in kernels.items():
        if kernel is not None:
            mix = partial(attend_packed, q16, k16, v16, sizes, scale=72**-0.5, kernel=kernel)
            off = difference(mix(), right)
            found[name] = {"difference": round(off, 5), "ms": 1e3 * seconds_of(mix, device)}
    return {"ok": all(one["difference"] < 0.02 for one in found.values()), "kernels": found}


def micro(run: Callable[[], Any], device: torch.device, *, recorded: bool = True) -> float:
    """Microseconds of a call on the card; recorded, so that Python's own time is left out."""
    if device.type != "cuda" or not recorded:
        return round(1e6 * seconds_of(run, device, times=5), 1)
    run()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(10):
            run()
    return round(1e5 * seconds_of(graph.replay, device, times=10), 1)
