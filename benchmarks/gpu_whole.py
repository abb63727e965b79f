"""The large checks of `benchmarks.gpu`: the whole network at its real sizes, random weights."""

import time
from typing import Any

import torch
from torch import Tensor

from benchmarks.random_gpu import random_fused, random_tower
from benchmarks.timing import seconds_of, wait_for
from model.cache import LatentCache
from model.config import KimiVLConfig
from model.gpu.fuse import Bits
from model.gpu.steps import WIDTHS, Steps
from model.kimi_vl import KimiVL
from model.moonvit import Grid

CONTEXTS = (1024, 8192, 32_000)
PREFILLS = (2048, 8192)
DECODED = 24
CARD_BYTES = 24e9
"""Of the card it is meant for. Tables of the driver and torch's own take half a GB more."""
GRIDS = {"4096 patches": (64, 64), "10764 patches": (78, 138)}
"""Rows and columns; the second is 1920x1080 as Thinking-2506 sees it."""


def whole(device: torch.device, config: KimiVLConfig, bits: Bits) -> dict[str, Any]:
    """Memory, prefill, decoding by length of what came before, passes of several tokens."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    began = time.perf_counter()
    network = random_fused(config, device, bits)
    wait_for(device)
    found: dict[str, Any] = {"made_seconds": round(time.perf_counter() - began, 2)}
    found["weights_gb"] = round(_bytes_of(network) / 1e9, 2)
    found["prefill"] = {str(count): prefill(network, device, count) for count in PREFILLS}
    found["decode"] = {str(count): decode(network, device, count) for count in CONTEXTS}
    found["pictures"] = {
        name: picture(network, device, rows, columns) for name, (rows, columns) in GRIDS.items()
    }
    is_finite = bool(found["decode"][str(CONTEXTS[0])].pop("finite"))
    fits = True
    if device.type == "cuda":
        found["peak_allocated_gb"] = round(torch.cuda.max_memory_allocated(device) / 1e9, 2)
        found["peak_reserved_gb"] = round(torch.cuda.max_memory_reserved(device) / 1e9, 2)
        fits = bits == 16 or torch.cuda.max_memory_reserved(device) < CARD_BYTES
    return {"ok": is_finite and fits, "finite": is_finite, **found}


def prefill(network: KimiVL, device: torch.device, num_tokens: int) -> dict[str, float]:
    ids = torch.randint(0, 400, (1, num_tokens), device=device)
    embedded = network.language_model.model.embed_tokens(ids)

    def once() -> Tensor:
        cache = LatentCache(network.config.text.num_hidden_layers)
        hidden = [network.hidden(chunk, cache) for chunk in embedded.split(4096, dim=1)][-1]
        logits: Tensor = network.language_model.lm_head(hidden[0, -1:])
        return logits

    seconds = seconds_of(once, device, times=2)
    return {"seconds": round(seconds, 4), "tokens_a_second": round(num_tokens / seconds)}


def decode(network: KimiVL, device: torch.device, num_before: int) -> dict[str, Any]:
    """After a cache of random entries: what they say does not change how long they take."""
    text = network.config.text
    cache = LatentCache(text.num_hidden_layers)
    width = text.kv_lora_rank + text.qk_rope_head_dim
    for layer in range(text.num_hidden_layers):
        entries = torch.randn(1, num_before, width, device=device, dtype=torch.bfloat16)
        cache.append(layer, entries)
    found: dict[str, Any] = {}
    steps = Steps(network)
    if device.type == "cuda" and num_before == CONTEXTS[0]:
        plain = Steps(network, recorded=False)
        found["not recorded, tokens_a_second"] = _tokens_a_second(plain, cache, 1, 5)
    began = time.perf_counter()
    first = steps.logits([1], cache)
    assert first is not None
    found["finite"] = bool(first.isfinite().all())
    found["recorded_in_seconds"] = round(time.perf_counter() - began, 2)
    found["tokens_a_second"] = _tokens_a_second(steps, cache, 1, DECODED)
    if num_before == CONTEXTS[0]:
        for pass_width in WIDTHS[1:]:
            a_second = _tokens_a_second(steps, cache, pass_width, 6)
            found[f"pass_of_{pass_width}_ms"] = round(1e3 * pass_width / a_second, 2)
    return found


def _tokens_a_second(steps: Steps, cache: LatentCache, width: int, passes: int) -> float:
    """As an answer is drawn: the host reads each token before it starts the next pass."""
    ids = [1] * width
    steps.logits(ids, cache)
    wait_for(steps.network.device)
    began = time.perf_counter()
    for _ in range(passes):
        logits_TV = steps.logits(ids, cache)
        assert logits_TV is not None
        ids = logits_TV.argmax(-1).tolist()
    return round(width * passes / (time.perf_counter() - began), 1)


def picture(network: KimiVL, device: torch.device, rows: int, columns: int) -> dict[str, float]:
    pixels = torch.rand(rows * columns, 3, 14, 14, device=device)
    grid = torch.tensor([[rows, columns]])
    return {"seconds": round(seconds_of(lambda: network.encode_images(pixels, grid), device), 4)}


def vision(device: torch.device, config: KimiVLConfig) -> dict[str, Any]:
    """Screens packed together, of two sizes; one by one they are timed in `whole`."""
    tower = random_tower(config, device)
    grids = [Grid(*size) for size in (*GRIDS.values(), *GRIDS.values())]
    pixels = torch.rand(sum(grid.num_patches for grid in grids), 3, 14, 14, device=device)
    features = tower(pixels, grids)
    seconds = seconds_of(lambda: tower(pixels, grids), device, times=2)
    sizes = [grid.num_patches for grid in grids]
    return {"ok": bool(features.isfinite().all()), "patches": sizes, "seconds": round(seconds, 4)}


def profile(device: torch.device, config: KimiVLConfig, bits: Bits) -> dict[str, Any]:
    """Which kernels a pass spends its time in."""
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as profiled

    network = random_fused(config, device, bits)
    text = config.text
    cache = LatentCache(text.num_hidden_layers)
    width = text.kv_lora_rank + text.qk_rope_head_dim
    for layer in range(text.num_hidden_layers):
        cache.append(layer, torch.randn(1, 2048, width, device=device, dtype=torch.bfloat16))
    steps = Steps(network)
    steps.logits([1], cache)
    wait_for(device)
    on = ProfilerActivity.CUDA if device.type == "cuda" else ProfilerActivity.CPU
    with profiled(activities=[on]) as seen:
        for _ in range(3):
            steps.logits([1], cache)
        wait_for(device)
    rows = [
        (event.device_time_total or event.cpu_time_total, event.count, event.key[:90])
        for event in seen.key_averages()
    ]
    top = [
        {"us_a_pass": round(spent / 3, 1), "calls_a_pass": round(count / 3), "kernel": name}
        for spent, count, name in sorted(rows, reverse=True)[:20]
    ]
    total = round(sum(spent for spent, _, _ in rows) / 3)
    return {"ok": True, "all_us_a_pass": total, "kernels": top}


def _bytes_of(network: KimiVL) -> int:
    return sum(tensor.nbytes for tensor in network.state_dict().values())
