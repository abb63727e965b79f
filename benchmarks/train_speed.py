"""Fine-tuning speed: tokens a second, ours beside transformers' Trainer, in turn.

The same checkpoint, the same conversations (drawn anew for every step from a seed), the same
threads and products: float32, or bfloat16 (theirs by autocast). Transformers' Trainer runs
`model.hf` with AdamW, rows padded to the longest of a batch; ours runs packed sequences with Muon
and AdamW, and its losses on glyphs and heads off. Counted are tokens of conversations, padding
not. Both do the pictures anew in every step. With --long every tenth conversation is a text of up
to so many tokens, as in a recipe's stages of two lengths.

    python benchmarks/train_speed.py --pages 60 --steps 6
    python benchmarks/train_speed.py --long 2048 --dtype bfloat16
"""

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

BATCH, WARM_STEPS = 24, 1
Dtype = Literal["float32", "bfloat16"]


class Speed(NamedTuple):
    name: str
    tokens: int
    seconds: float
    cpu_seconds: float

    @property
    def a_second(self) -> float:
        return self.tokens / self.seconds


def conversations(pages: Path, count: int, longest: int) -> list[Any]:
    """Pages with a question or two, of very different lengths, as demonstrations are.

    Args:
        longest: tokens of the long texts among them; 0: there are none.
    """
    from env.miniwob.specimen import WORDS
    from model.train.needles import NeedleSource
    from model.train.samples import read_pages
    from model.train.sources import PageSource

    found = read_pages(pages)
    rng = random.Random(0)
    rows = [PageSource(found, num_questions=rng.randint(1, 8))(rng) for _ in range(count)]
    if longest:
        rows[::10] = [NeedleSource(WORDS, most_tokens=longest)(rng) for _ in rows[::10]]
    return rows


def ours(folder: Path, rows: Sequence[Any], steps: int, dtype: Dtype) -> Speed:
    import torch

    from model.kimi_vl import KimiVL
    from model.tokenizer import Tokenizer
    from model.train.stages import Stage
    from model.train.trainer import Trainer

    tokenizer = Tokenizer.from_file(folder / "tiktoken.model")
    lengths = _lengths(rows, tokenizer)
    length = sum(lengths) // len(lengths) * BATCH
    stage = Stage(
        name="speed",
        steps=steps + WARM_STEPS,
        batch_size=1,
        sequence_length=length,
        learning_rate=1e-4,
        glyph_weight=0.0,
        pointer_weight=0.0,
        mixture={"rows": 1.0},
        dtype=dtype,
    )
    with tempfile.TemporaryDirectory() as out:
        trainer = Trainer(
            KimiVL.from_pretrained(folder, dtype=torch.float32),
            tokenizer,
            stage,
            {"rows": lambda rng: (rng.choice(rows)[0], None)},
            Path(out),
        )
        for _ in range(WARM_STEPS):
            trainer.one_step()
        began, cpu = time.perf_counter(), time.process_time()
        tokens = sum(int(trainer.one_step()["tokens"]) for _ in range(steps))
    return Speed("ours", tokens, time.perf_counter() - began, time.process_time() - cpu)


def theirs(folder: Path, rows: Sequence[Any], steps: int, dtype: Dtype) -> Speed:
    import torch
    from transformers import (
        AutoModelForImageTextToText,
        Trainer,
        TrainerCallback,
        TrainingArguments,
    )

    import model.hf  # noqa: F401 (registers the classes)
    from model.config import KimiVLConfig
    from model.images import ImageProcessor
    from model.tokenizer import Tokenizer
    from model.train.batches import padded
    from model.train.documents import NO_LOSS, Reader

    config = KimiVLConfig.from_folder(folder)
    images = ImageProcessor(config.in_token_limit, config.vision.patch_size)
    read = Reader(Tokenizer.from_file(folder / "tiktoken.model"), images)
    counted: list[int] = []

    def collate(chosen: Sequence[Any]) -> dict[str, Any]:
        documents = [read(row[0], None) for row in chosen]
        batch = padded(documents)
        lengths = torch.tensor([document.num_tokens for document in documents])
        counted.append(int(lengths.sum()))
        mask = torch.arange(batch.input_ids_BT.shape[1]) < lengths[:, None]
        labels = torch.full_like(batch.input_ids_BT, NO_LOSS)
        labels[:, 1:] = batch.targets_BT[:, :-1]
        return {
            "input_ids": batch.input_ids_BT,
            "attention_mask": mask.long(),
            "labels": labels,
            "pixel_values": batch.pixel_values,
            "image_grid_hws": torch.tensor([tuple(grid) for grid in batch.grids]),
        }

    class Clock(TrainerCallback):
        began = cpu = 0.0
        seconds = cpu_seconds = 0.0

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if state.global_step == WARM_STEPS:
                self.began, self.cpu = time.perf_counter(), time.process_time()
            self.seconds = time.perf_counter() - self.began
            self.cpu_seconds = time.process_time() - self.cpu

    clock = Clock()
    network = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32)
    with tempfile.TemporaryDirectory() as out:
        arguments = TrainingArguments(
            output_dir=out,
            per_device_train_batch_size=BATCH,
            max_steps=steps + WARM_STEPS,
            learning_rate=1e-4,
            use_cpu=True,
            bf16=dtype == "bfloat16",
            remove_unused_columns=False,
            report_to=[],
            save_strategy="no",
            logging_strategy="no",
            disable_tqdm=True,
            seed=0,
        )
        trainer = Trainer(
            model=network,
            args=arguments,
            train_dataset=list(rows),
            data_collator=collate,
            callbacks=[clock],
        )
        trainer.train()
    tokens = sum(counted[WARM_STEPS : WARM_STEPS + steps])
    return Speed("transformers", tokens, clock.seconds, clock.cpu_seconds)


def _lengths(rows: Sequence[Any], tokenizer: Any) -> list[int]:
    from model.images import ImageProcessor
    from model.train.documents import Reader

    read = Reader(tokenizer, ImageProcessor())
    return [read(conversation, None).num_tokens for conversation, _ in rows]


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--model", type=Path, default=ROOT / "model" / "weights" / "nano")
    parser.add_argument("--specimens", type=Path, help="labelled pages; made here if not given")
    parser.add_argument("--pages", type=int, default=60, help="to make")
    parser.add_argument("--steps", type=int, default=6, help="of each, in every round")
    parser.add_argument("--rounds", type=int, default=2, help="ours and theirs in turn")
    parser.add_argument("--threads", type=int, default=1, help="of torch")
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--long", type=int, default=0, help="tokens of every tenth conversation")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args(words)
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    import torch

    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as made:
        pages = options.specimens or Path(made)
        if options.specimens is None:
            from agent.specimens import label_specimens

            for _ in label_specimens(0, options.pages, pages):
                pass
        rows = conversations(pages, 200, options.long)
        speeds = [
            run(options.model, rows, options.steps, options.dtype)
            for _ in range(options.rounds)
            for run in (theirs, ours)
        ]
    print(f"{'':>14} {'tokens/s':>9} {'tokens/CPU s':>13}")
    for speed in speeds:
        print(f"{speed.name:>14} {speed.a_second:>9.0f} {speed.tokens / speed.cpu_seconds:>13.0f}")
    totals = {
        name: [
            sum(getattr(s, part) for s in speeds if s.name == name)
            for part in ("tokens", "seconds", "cpu_seconds")
        ]
        for name in ("ours", "transformers")
    }
    mine, other = totals["ours"], totals["transformers"]
    ratio = (mine[0] / mine[1]) / (other[0] / other[1])
    by_cpu = (mine[0] / mine[2]) / (other[0] / other[2])
    print(f"ours over transformers: {ratio:.2f} by the clock, {by_cpu:.2f} by CPU time")
    if options.json:
        told = {"speeds": [speed._asdict() for speed in speeds], "ratio": ratio, "by_cpu": by_cpu}
        options.json.write_text(json.dumps(told, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
