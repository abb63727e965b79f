"""How much memory and time a very long prompt takes, by chunks and at once.

A network of nano's size with random weights and positions enough. The peak is the
process's own, above what it had before the prompt; what the numbers are worth is the ratio
to the unchunked prompt, which is measured in a process of its own as far as it fits.

    python benchmarks/long_prompt.py --tokens 131072
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

COMPARED_TOKENS = 8192


def one_prompt(num_tokens: int, chunk: int) -> dict[str, float]:
    """Prefill and one token, in this process."""
    import torch

    from model.config import KimiVLConfig
    from model.generate import Generator
    from model.train.initial import random_network

    nano = KimiVLConfig.nano()
    text = replace(nano.text, max_position_embeddings=num_tokens + 1)
    network = random_network(replace(nano, text=text), seed=0).eval()
    ids = torch.randint(0, 700, (1, num_tokens), generator=torch.Generator().manual_seed(0))
    before = peak_bytes()
    began = time.perf_counter()
    with torch.inference_mode():
        made = Generator(network, prefill_chunk=chunk).run(ids, max_new_tokens=1)
    return {
        "tokens": num_tokens,
        "chunk": chunk,
        "seconds": time.perf_counter() - began,
        "peak_mb": (peak_bytes() - before) / 2**20,
        "token": made.token_ids[0],
        "log_prob": made.log_probs[0],
    }


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def in_a_process(num_tokens: int, chunk: int, threads: int) -> dict[str, float]:
    command = [
        sys.executable,
        __file__,
        "--one",
        "--tokens",
        str(num_tokens),
        "--chunk",
        str(chunk),
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--tokens", type=int, default=131_072)
    parser.add_argument("--chunk", type=int, default=1024)
    parser.add_argument("--threads", type=int, default=2, help="of torch")
    parser.add_argument("--one", action="store_true", help="one prompt here, as JSON")
    options = parser.parse_args(words)
    if options.one:
        print(json.dumps(one_prompt(options.tokens, options.chunk)))
        return 0
    at_once = in_a_process(COMPARED_TOKENS, COMPARED_TOKENS, options.threads)
    by_chunks = in_a_process(COMPARED_TOKENS, options.chunk, options.threads)
    long = in_a_process(options.tokens, options.chunk, options.threads)
    print(f"{'tokens':>8} {'chunk':>6} {'seconds':>8} {'peak MB':>8} {'of at once':>10}")
    for row in (at_once, by_chunks, long):
        print(
            f"{row['tokens']:>8} {row['chunk']:>6} {row['seconds']:>8.1f} {row['peak_mb']:>8.0f}"
            f" {row['peak_mb'] / at_once['peak_mb']:>10.2f}"
        )
    difference = abs(at_once["log_prob"] - by_chunks["log_prob"])
    same = at_once["token"] == by_chunks["token"]
    print(
        f"{COMPARED_TOKENS} tokens: same answer {same}, log probabilities differ {difference:.1e}"
    )
    return 0 if same and difference < 1e-4 else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
