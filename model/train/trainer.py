"""Runs a stage: draw, step, report, save. Stopped anywhere, it goes on to the same bits.

What a step draws depends on the stage's seed and the step's number alone, so a resumed
run sees what the uninterrupted one would have seen.
"""

import json
import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from model.images import ImageProcessor
from model.kimi_vl import KimiVL
from model.tokenizer import Tokenizer
from model.train.batches import Collator
from model.train.objective import Objective
from model.train.optim import ExpertBalance, MasterOptimizer
from model.train.replicas import Replicas
from model.train.samples import Conversation, Label
from model.train.stages import Stage

logger = logging.getLogger(__name__)

Row = tuple[Conversation, Sequence[Label] | None]
Source = Callable[[random.Random], Row]
"""Draws one row; everything random in it comes from the generator given."""

GLYPH_HEAD = "glyph_head.safetensors"

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}

POOL = 4
"""Batches drawn at once and sorted by length of text, so that a batch needs little padding."""


class Trainer:
    def __init__(
        self,
        network: KimiVL,
        tokenizer: Tokenizer,
        stage: Stage,
        sources: Mapping[str, Source],
        folder: Path,
        *,
        earlier: Path | None = None,
        replicas: Replicas | None = None,
    ) -> None:
        """
        Args:
            sources: one for every name in the stage's mixture.
            folder: checkpoints and `metrics.jsonl` go here.
            earlier: folder of the stage before, whose reading head is kept on.
            replicas: the processes that share every batch; this one alone if not given.
        """
        missing = stage.mixture.keys() - sources.keys()
        if missing:
            raise ValueError(f"the mixture names {sorted(missing)}; there are {sorted(sources)}")
        self.stage, self.sources, self.folder = stage, sources, folder
        self.network = network
        config = network.config
        self.collate = Collator(
            tokenizer, ImageProcessor(config.in_token_limit, config.vision.patch_size)
        )
        with torch.random.fork_rng(devices=[]):
            # The reading head starts from the seed too, or two runs of a recipe would differ.
            torch.manual_seed(stage.seed)
            self.objective = Objective(network, pointer_layer=config.text.num_hidden_layers // 2)
        if earlier is not None:
            self.objective.glyph_head.load_state_dict(load_file(earlier / GLYPH_HEAD))
        self.objective.to(DTYPES[stage.dtype])
        _keep_balance_exact(network)
        if stage.trains == "vision":
            network.requires_grad_(False)
            network.vision_tower.requires_grad_(True)
        self.replicas = replicas or Replicas(0, 1)
        self.optimizer = MasterOptimizer(
            self.objective, weight_decay=stage.weight_decay, replicas=self.replicas
        )
        self.balance = ExpertBalance(network, stage.expert_balance_rate, self.replicas)
        self._trained = [p for p in self.objective.parameters() if p.requires_grad]
        self.step = 0

    def run(self, *, save_every: int = 100) -> None:
        """Train to the stage's last step from wherever this is."""
        while self.step < self.stage.steps:
            row = self.one_step()
            if self.replicas.leads:
                self.folder.mkdir(parents=True, exist_ok=True)
                with (self.folder / "metrics.jsonl").open("a") as metrics:
                    metrics.write(json.dumps(row) + "\n")
            if self.step % save_every == 0 or self.step == self.stage.steps:
                self.save()

    def one_step(self) -> dict[str, float]:
        stage, started = self.stage, time.perf_counter()
        batch = self.collate(self.replicas.share(self._rows(self.step)))
        drawn = time.perf_counter()
        losses = (
            self.objective.read_only(batch) if stage.trains == "vision" else self.objective(batch)
        )
        glyph_weight = 1.0 if stage.trains == "vision" else stage.glyph_weight
        total = (
            losses.answer
            + glyph_weight * losses.glyphs
            + stage.pointer_weight * (losses.pointer + losses.copy)
        )
        total.backward()
        self.replicas.average_gradients(self._trained)
        rate = stage.rate_at(self.step)
        norm = self.optimizer.step(rate)
        busiest = self.balance.step()
        self.step += 1
        return {
            "step": self.step,
            "loss": _rounded(total),
            "answer": _rounded(losses.answer),
            "glyphs": _rounded(losses.glyphs),
            "pointer": _rounded(losses.pointer),
            "copy": _rounded(losses.copy),
            "glyph_accuracy": round(losses.glyph_accuracy, 4),
            "pointer_accuracy": round(losses.pointer_accuracy, 4),
            "copy_accuracy": round(losses.copy_accuracy, 4),
            "token_accuracy": round(losses.token_accuracy, 4),
            "gradient_norm": round(norm, 3),
            "busiest_expert": round(busiest, 2),
            "learning_rate": rate,
            "tokens": batch.input_ids_BT.numel(),
            "draw_seconds": round(drawn - started, 3),
            "seconds": round(time.perf_counter() - started, 3),
        }

    def _rows(self, step: int) -> list[Row]:
        """The rows of one step: its share of a pool drawn for `POOL` steps at once."""
        pool, place = divmod(step, POOL)
        rng = random.Random(f"{self.stage.seed}/{pool}")
        names, shares = zip(*sorted(self.stage.mixture.items()), strict=True)
        chosen = rng.choices(names, shares, k=self.stage.batch_size * POOL)
        rows = [self.sources[name](rng) for name in chosen]
        rows.sort(key=lambda row: sum(len(t.prompt) + len(t.answer) for t in row[0].turns))
        batches = [
            rows[start : start + self.stage.batch_size]
            for start in range(0, len(rows), self.stage.batch_size)
        ]
        rng.shuffle(batches)
        return batches[place]

    def save(self) -> Path:
        """Weights in the public layout, and beside them what the next step needs.

        All replicas ask together; the leader writes.
        """
        target = self.folder / "last"
        optimizer_state = self.optimizer.state()
        if not self.replicas.leads:
            return target
        self.network.save_pretrained(target, dtype=torch.bfloat16)
        save_file(self.objective.glyph_head.state_dict(), self.folder / GLYPH_HEAD)
        state = {
            **optimizer_state,
            "trainer/step": torch.tensor(self.step),
            **{
                f"balance/{name}": buffer
                for name, buffer in self.network.named_buffers()
                if name.endswith("e_score_correction_bias")
            },
        }
        partial = self.folder / "state.partial.safetensors"
        save_file({name: tensor.contiguous() for name, tensor in state.items()}, partial)
        partial.replace(self.folder / "state.safetensors")
        return target

    def resume(self) -> bool:
        """Continue from the folder's last save; False if there is none."""
        path = self.folder / "state.safetensors"
        if not path.exists():
            return False
        state = load_file(path)
        self.step = int(state.pop("trainer/step"))
        buffers = dict(self.network.named_buffers())
        for name in [name for name in state if name.startswith("balance/")]:
            buffers[name.removeprefix("balance/")].copy_(state.pop(name))
        self.optimizer.load_state(state)
        logger.info("resumed %s at step %d", self.stage.name, self.step)
        return True


def _keep_balance_exact(network: KimiVL) -> None:
    """The routers' biases stay float32: their nudges are below what bfloat16 can hold."""
    for name, buffer in network.named_buffers():
        if name.endswith("e_score_correction_bias"):
            buffer.data = buffer.data.float()


def _rounded(value: torch.Tensor) -> float:
    return round(float(value.detach()), 4)
