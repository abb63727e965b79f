"""What `benchmarks.a3b` measures of ours, in a process of its own; a line of JSON for each figure.

Contexts are filled with random latents: what they say does not change how long they take, and
prefilling 32 K tokens to decode 16 would be most of the time.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

PICTURES = {4096: (64, 64), 10764: (78, 138)}
"""Patches of a picture, and its rows and columns: 4096 is Instruct's limit, 10764 is 1920x1080."""
WARM_UP = 2


def tell(kind: str, **figures: float) -> None:
    print(json.dumps({"kind": kind, **figures}), flush=True)


def measure(options: argparse.Namespace) -> None:
    began = time.perf_counter()
    import torch

    from model.cache import LatentCache
    from model.kimi_vl import KimiVL

    torch.set_num_threads(options.threads)
    imported = time.perf_counter()
    network = KimiVL.from_pretrained(options.path, dtype=torch.bfloat16)
    decoder, text = network.language_model, network.config.text
    width = text.kv_lora_rank + text.qk_rope_head_dim

    def filled(num_tokens: int) -> LatentCache:
        cache = LatentCache(text.num_hidden_layers)
        for layer in range(text.num_hidden_layers):
            cache.append(layer, torch.randn(1, num_tokens, width, dtype=torch.bfloat16))
        return cache

    def after(ids: list[int], cache: LatentCache) -> int:
        embedded = decoder.model.embed_tokens(torch.tensor([ids]))
        for chunk in embedded.split(options.chunk, dim=1):
            hidden = network.hidden(chunk, cache)
        return int(decoder.lm_head(hidden[:, -1]).argmax())

    with torch.inference_mode():
        after([1], LatentCache(text.num_hidden_layers))
        ready = time.perf_counter()
        tell("load", seconds=ready - imported, import_seconds=imported - began)
        for num_tokens in options.prefill:
            cache, since = LatentCache(text.num_hidden_layers), time.perf_counter()
            after([7 * i % 1000 for i in range(num_tokens)], cache)
            spent = time.perf_counter() - since
            tell("prefill", to=num_tokens, tokens=num_tokens, past=0, seconds=spent)
        for context in options.contexts:
            cache = filled(context)
            token = 1
            for _ in range(WARM_UP):
                token = after([token], cache)
            since = time.perf_counter()
            for _ in range(options.decode):
                token = after([token], cache)
            spent = time.perf_counter() - since
            tell("decode", context=context, tokens=options.decode, seconds=spent)
            if options.suffix:
                cache.rewind(context)
                since = time.perf_counter()
                after([7 * i % 1000 for i in range(options.suffix)], cache)
                spent = time.perf_counter() - since
                end = context + options.suffix
                tell("prefill", to=end, tokens=options.suffix, past=context, seconds=spent)
            tell("memory", context=context, **resident())
        for num_patches in options.pictures:
            rows, columns = PICTURES[num_patches]
            pixels = torch.rand(num_patches, 3, 14, 14)
            since = time.perf_counter()
            network.encode_images(pixels, torch.tensor([[rows, columns]]))
            tell("picture", patches=num_patches, seconds=time.perf_counter() - since)
    tell("memory", context=0, **resident())


def resident() -> dict[str, float]:
    """Gigabytes of this process: now, of that what is mapped from files, and at the most."""
    found: dict[str, float] = {}
    for line in Path("/proc/self/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name in ("VmRSS", "RssFile", "RssShmem", "VmHWM", "VmPeak"):
            found[f"{name}_gb"] = round(int(value.split()[0]) * 1024 / 1e9, 3)
    return found


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("path", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--prefill", type=int, nargs="*", default=[2048])
    parser.add_argument("--contexts", type=int, nargs="*", default=[1024, 8192, 32768])
    parser.add_argument("--suffix", type=int, default=0, help="tokens prefilled after a context")
    parser.add_argument("--pictures", type=int, nargs="*", default=[], choices=PICTURES)
    parser.add_argument("--decode", type=int, default=16)
    parser.add_argument("--chunk", type=int, default=1024)
    options = parser.parse_args(words)
    # Read when the libraries start, which is why torch waits.
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    measure(options)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
