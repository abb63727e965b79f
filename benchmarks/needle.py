"""Needles in a haystack: numbers said once in a long text, asked for at its end, by depth.

One text has a needle at every depth, so that it is taken in once: only the questions after it are
new, and the others are what a needle must be told from. With --alone each depth has a text of its
own and no other needle, as the test is mostly run. Found is an answer with the right number.

    python benchmarks/needle.py --model checkpoints/long/last --tokens 1024 8192 32768
"""

import argparse
import json
import random
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))


def text_with_needles(
    rng: random.Random, num_tokens: int, depths: list[float], tokenizer: Any
) -> tuple[str, list[tuple[str, str]]]:
    """A text of about so many tokens, and its needles from the first to the last."""
    from env.miniwob.specimen import WORDS
    from model.train.needles import haystack, needle, said

    lines = haystack(rng, WORDS, 64)
    a_line = len(tokenizer.encode(" ".join(lines))) / len(lines)
    lines = haystack(rng, WORDS, round(num_tokens / a_line) - len(depths))
    needles = [needle(rng) for _ in depths]
    places = [round(depth * len(lines)) for depth in depths]
    for place, found in sorted(zip(places, needles, strict=True), reverse=True):
        lines.insert(place, said(*found))
    return " ".join(lines), needles


def measure(
    folder: Path, lengths: list[int], depths: list[float], texts: int, alone: bool
) -> list[Any]:
    import torch

    from model.generate import Generator
    from model.images import ImageProcessor
    from model.kimi_vl import KimiVL
    from model.messages import system, user
    from model.processor import Processor
    from model.tokenizer import Tokenizer
    from model.train.gates import written
    from model.train.needles import question, said
    from model.train.questions import SYSTEM

    network = KimiVL.from_pretrained(folder, dtype=torch.float32)
    processor = Processor(Tokenizer.from_file(folder / "tiktoken.model"), ImageProcessor())
    rows = []
    for length in lengths:
        found = [0] * len(depths)
        began, num_tokens = time.perf_counter(), 0
        groups = [[place] for place in range(len(depths))] if alone else [[*range(len(depths))]]
        for number, places in [(n, group) for n in range(texts) for group in groups]:
            rng = random.Random(f"{length}/{number}")
            wanted = [depths[place] for place in places]
            text, needles = text_with_needles(rng, length, wanted, processor.tokenizer)
            generator = Generator(network)
            for place, (name, value) in zip(places, needles, strict=True):
                asked = [system(SYSTEM), user(f"{text}\n{question(name)}")]
                num_tokens = processor(asked).input_ids.shape[1]
                with torch.inference_mode():
                    answer = written(generator, processor, asked, len(said(name, value)))
                found[place] += value in answer
        row = {
            "tokens": num_tokens,
            "found": [count / texts for count in found],
            "seconds": round(time.perf_counter() - began, 1),
        }
        rows.append(row)
        shares = " ".join(f"{count / texts:>5.0%}" for count in found)
        print(f"{num_tokens:>8} {shares}  {row['seconds']:>7.1f} s", flush=True)
    return rows


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--model", type=Path, required=True, help="a folder of weights")
    parser.add_argument("--tokens", type=int, nargs="+", default=[1024, 8192, 32_000])
    parser.add_argument("--depths", type=int, default=11, help="from the start to the end")
    parser.add_argument("--alone", action="store_true", help="a needle a text")
    parser.add_argument("--texts", type=int, default=1, help="of every length")
    parser.add_argument("--threads", type=int, default=1, help="of torch")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args(words)
    import torch

    torch.set_num_threads(options.threads)
    depths = [place / (options.depths - 1) for place in range(options.depths)]
    print(f"{'tokens':>8} " + " ".join(f"{depth:>5.0%}" for depth in depths) + "  found by depth")
    rows = measure(options.model, options.tokens, depths, options.texts, options.alone)
    if options.json:
        told = {"model": str(options.model), "depths": depths, "rows": rows}
        options.json.write_text(json.dumps(told, indent=2) + "\n")
    return 0 if all(share == 1.0 for row in rows for share in row["found"]) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
