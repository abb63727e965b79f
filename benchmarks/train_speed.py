"""Fine-tuning speed: tokens a second, ours beside transformers' Trainer, in turn.

The same checkpoint, the same conversations, the same threads and products: float32, or bfloat16
(theirs by autocast). Ours draws packs as `main.py sft` does, and trains them with Muon and AdamW,
its losses on glyphs and heads weighing nothing; transformers' Trainer goes through the very rows
that were drawn, over `model.hf`, with AdamW, as many a step and as many at once as are quickest.
Counted are the tokens of the conversations, each whole, for both alike, padding not. Both do the
pictures anew in every step. Before anything is timed, both say the loss of the rows of a step: it
must be the same.

    python benchmarks/train_speed.py --kinds pages --steps 6
    python benchmarks/train_speed.py --kinds episodes --dtype bfloat16 --steps 1 --threads 2
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.conditions import conditions  # noqa: E402

if TYPE_CHECKING:
    from benchmarks.train_peers import Speed
    from benchmarks.train_rows import Drawn
    from model.train.documents import Reader
    from model.train.draws import Draws, Row
    from model.train.stages import Stage

LENGTHS = {"pages": 6144, "miniwob": 6144, "episodes": 12288}
"""Tokens of a pack."""
PACKS = {"pages": 4, "miniwob": 4, "episodes": 1}
"""In a step of ours: of short conversations about a hundred, where nano's own recipe has 192."""
AT_ONCE = {"pages": 8, "miniwob": 8, "episodes": 1}
"""Rows in a batch of theirs: of long ones more than one would only be padded and take memory."""
TOLERANCE = 1e-5
MOST_COMPARED = 24
"""Rows of which both say the loss."""


def stage_of(kind: str, steps: int, dtype: str) -> "Stage":
    """The first step is not timed."""
    from model.train.stages import Stage

    return Stage(
        name="speed",
        steps=steps + 1,
        batch_size=PACKS[kind],
        sequence_length=LENGTHS[kind],
        learning_rate=1e-4,
        glyph_weight=0.0,
        pointer_weight=0.0,
        mixture={"rows": 1.0},
        dtype=dtype,  # type: ignore[arg-type]
    )


def rows_of(draws: "Draws", source: "Drawn", num_steps: int) -> list[list["Row"]]:
    """Those of each step."""
    steps = []
    for step in range(num_steps):
        source.rows.clear()
        draws.batches(step)
        steps.append(list(source.rows))
    return steps


def same_loss(folder: Path, read: "Reader", rows: Sequence["Row"]) -> tuple[float, float]:
    """Ours of a pack, theirs of the rows apart.

    Raises:
        AssertionError: they differ.
    """
    import torch

    from benchmarks.train_peers import loss_of
    from model.kimi_vl import KimiVL
    from model.train.batches import packed
    from model.train.sharded import Answers

    documents = [read(*row) for row in rows]
    batch = packed(documents)
    with torch.no_grad():
        answers = Answers(KimiVL.from_pretrained(folder, dtype=torch.float32))
        ours = float(answers(batch)) / len(batch.learned.targets_P)
    theirs = loss_of(folder, documents)
    assert abs(ours - theirs) < TOLERANCE * max(1.0, theirs), f"losses of {ours} and {theirs}"
    return ours, theirs


def ours(folder: Path, kind: str, source: "Drawn", steps: int, dtype: str, patches: int) -> "Speed":
    import torch

    from benchmarks.train_peers import Speed
    from model.kimi_vl import KimiVL
    from model.tokenizer import Tokenizer
    from model.train.trainer import Trainer

    network = KimiVL.from_pretrained(folder, dtype=torch.float32)
    network.config = replace(network.config, in_token_limit=patches)
    with tempfile.TemporaryDirectory() as out:
        trainer = Trainer(
            network,
            Tokenizer.from_file(folder / "tiktoken.model"),
            stage_of(kind, steps, dtype),
            {"rows": source},
            Path(out),
        )
        trainer.one_step()
        began, cpu = time.perf_counter(), time.process_time()
        tokens = sum(int(trainer.one_step()["tokens"]) for _ in range(steps))
    return Speed("ours", tokens, time.perf_counter() - began, time.process_time() - cpu)


def measure(kind: str, options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    from benchmarks.train_peers import speed_of
    from benchmarks.train_rows import Drawn, source_of
    from model.images import ImageProcessor
    from model.tokenizer import Tokenizer
    from model.train.documents import Reader
    from model.train.draws import Draws
    from model.train.replicas import Replicas

    given = {
        "pages": options.specimens,
        "miniwob": options.demonstrations,
        "episodes": options.episodes,
    }
    source = Drawn(source_of(kind, given[kind], folder))
    model, dtype, steps = options.model, options.dtype, options.steps
    read = Reader(Tokenizer.from_file(model / "tiktoken.model"), ImageProcessor(options.patches))
    draws = Draws(stage_of(kind, steps, dtype), {"rows": source}, read, Replicas(0, 1))
    drawn = rows_of(draws, source, steps + 1)
    packs = draws.batches(1)
    whole = sum(pack.num_tokens for pack in packs)
    computed = sum(pack.input_ids_BT.shape[1] for pack in packs)
    pictures = [sum(len(pack.grids) for pack in packs), sum(len(pack.uses) for pack in packs)]
    print(f"{kind}, {dtype}: {[len(rows) for rows in drawn]} rows a step, {whole} tokens of which")
    print(f"ours computes {computed}, with {pictures[0]} pictures of {pictures[1]}")
    print(
        "loss of a step's rows: ours {:.7f}, theirs {:.7f}".format(
            *same_loss(model, read, drawn[1][:MOST_COMPARED])
        )
    )
    speeds = []
    for _ in range(options.rounds):
        speeds.append(speed_of(model, read, drawn, AT_ONCE[kind], dtype))
        speeds.append(ours(model, kind, source, steps, dtype, options.patches))
        for speed in speeds[-2:]:
            by_cpu = speed.tokens / speed.cpu_seconds
            told = f"{speed.name:>14} {speed.a_second:>9.0f} tokens/s {by_cpu:>9.0f} a CPU second"
            print(told, flush=True)
    mine, other = (
        [
            sum(getattr(speed, part) for speed in speeds if speed.name == name)
            for part in ("tokens", "seconds", "cpu_seconds")
        ]
        for name in ("ours", "transformers")
    )
    ratio = (mine[0] / mine[1]) / (other[0] / other[1])
    by_cpu = (mine[0] / mine[2]) / (other[0] / other[2])
    print(f"ours over transformers: {ratio:.2f} by the clock, {by_cpu:.2f} by CPU time", flush=True)
    return {
        "kind": kind,
        "dtype": dtype,
        "speeds": [speed._asdict() for speed in speeds],
        "ratio": ratio,
        "by_cpu": by_cpu,
        "tokens": whole,
        "computed": computed,
        "pictures": pictures,
    }


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--model", type=Path, default=ROOT / "model" / "weights" / "nano")
    parser.add_argument("--kinds", nargs="+", default=["pages", "miniwob", "episodes"])
    parser.add_argument("--specimens", type=Path, help="labelled pages; made here if not given")
    parser.add_argument("--demonstrations", type=Path, help="runs of MiniWoB++; as above")
    parser.add_argument("--episodes", type=Path, help="runs of long episodes; as above")
    parser.add_argument("--patches", type=int, default=1024, help="of a picture at most")
    parser.add_argument("--steps", type=int, default=2, help="of ours, in every round")
    parser.add_argument("--rounds", type=int, default=1, help="ours and theirs in turn")
    parser.add_argument("--threads", type=int, default=2, help="of torch")
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args(words)
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    import torch

    torch.set_num_threads(options.threads)
    found = []
    for kind in options.kinds:
        with tempfile.TemporaryDirectory() as made:
            found.append(measure(kind, options, Path(made)))
    if options.json:
        told = {"kinds": found, "threads": options.threads, **conditions()}
        options.json.write_text(json.dumps(told, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
