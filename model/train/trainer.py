"""Runs a stage: draw, step, report, save. Stopped anywhere, it goes on to the same bits."""

import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from model.images import ImageProcessor
from model.kimi_vl import KimiVL
from model.tokenizer import Tokenizer
from model.train.batches import Batch
from model.train.documents import Reader
from model.train.draws import Draws, Source
from model.train.ema import RunningMean
from model.train.fitting import choose, fit, keep_balance_exact
from model.train.objective import SCORES, Amounts, Losses, Objective
from model.train.optim import ExpertBalance, MasterOptimizer
from model.train.replicas import Replicas
from model.train.samples import OnStep, never, unwatched
from model.train.stages import PARTS, Stage

logger = logging.getLogger(__name__)

GLYPH_HEAD = "glyph_head.safetensors"
CONTRAST_HEAD = "contrast_head.safetensors"
STATE = "state.safetensors"
METRICS = "metrics.jsonl"
ADAPTER = "adapter"

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


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
        on_step: OnStep = unwatched,
        readers: int = 0,
    ) -> None:
        """
        Args:
            sources: one for every name in the stage's mixture.
            folder: checkpoints and `metrics.jsonl` go here.
            earlier: folder of the stage before, whose heads are kept on and whose optimizer is,
                if this stage continues it.
            replicas: the processes that share every batch; this one alone if not given.
            readers: processes that draw batches ahead; see `model.train.draws`.
        """
        self.stage, self.folder, self.on_step = stage, folder, on_step
        self.replicas = replicas or Replicas(0, 1)
        self.readers = readers
        self._drawn: Iterator[list[Batch]] | None = None
        self.network = network
        config = network.config
        images = ImageProcessor(config.in_token_limit, config.vision.patch_size)
        self.draws = Draws(stage, sources, Reader(tokenizer, images), self.replicas)
        fit(network, stage)
        self.device = network.language_model.lm_head.weight.device
        with torch.random.fork_rng(devices=[]):
            # The heads start from the seed too, or two runs of a recipe would differ.
            torch.manual_seed(stage.seed)
            self.objective = Objective(
                network,
                pointer_layer=config.text.num_hidden_layers // 2,
                contrasts=stage.contrast_weight > 0,
                reads=stage.glyph_weight > 0,
                looks=stage.pointer_weight > 0,
            )
        if earlier is not None:
            self._keep_heads(earlier)
        self.objective.to(self.device)
        # Weights of four bits have a type of their own, the rest of that network its right one.
        part = self.objective.glyph_head if stage.four_bits else self.objective
        part.to(DTYPES[stage.dtype])
        keep_balance_exact(network)
        choose(network, stage)
        self.optimizer = MasterOptimizer(
            self.objective, weight_decay=stage.weight_decay, replicas=self.replicas
        )
        frozen = "language_model" not in PARTS[stage.trains]
        self.balance = ExpertBalance(
            network, 0.0 if frozen else stage.expert_balance_rate, self.replicas
        )
        self.mean = RunningMean(self.optimizer.masters, stage.ema_decay)
        self._trained = [p for p in self.objective.parameters() if p.requires_grad]
        self.step, self.start_rate, self.last_rate = 0, 0.0, 0.0
        if stage.continues and earlier is not None:
            self._go_on_from(load_file(earlier / STATE))

    def run(self, *, save_every: int = 100, stop: Callable[[], bool] = never) -> None:
        """Train to the stage's last step from wherever this is.

        Raises:
            KeyboardInterrupt: asked to stop; what was done is saved.
        """
        while self.step < self.stage.num_steps:
            row = self.one_step()
            if self.replicas.leads:
                self.folder.mkdir(parents=True, exist_ok=True)
                with (self.folder / METRICS).open("a") as metrics:
                    metrics.write(json.dumps(row) + "\n")
                self.on_step(self.stage.name, self.stage.num_steps, row)
            stopped = self.replicas.any(stop())
            if stopped or self.step % save_every == 0 or self.step == self.stage.num_steps:
                self.save()
            if stopped and self.step < self.stage.num_steps:
                raise KeyboardInterrupt

    def one_step(self) -> dict[str, float]:
        stage, started = self.stage, time.perf_counter()
        if self._drawn is None:
            self._drawn = self.draws.from_step(self.step, self.readers)
        batches = [batch.to(self.device) for batch in next(self._drawn)]
        drawn = time.perf_counter()
        over = self._in_all([Amounts.of(batch) for batch in batches])
        found = [self._learn(batch, over) for batch in batches]
        self.replicas.average_gradients(self._trained)
        rate = stage.rate_at(self.step, self.start_rate)
        norm = self.optimizer.step(rate)
        self.mean.add(self.optimizer.masters)
        busiest = self.balance.step()
        self.step += 1
        self.last_rate = rate
        tokens = sum(batch.num_tokens for batch in batches)
        return {
            "step": self.step,
            **self._told(found, tokens),
            "gradient_norm": round(norm, 3),
            "busiest_expert": round(busiest, 2),
            "learning_rate": rate,
            "draw_seconds": round(drawn - started, 3),
            "seconds": round(time.perf_counter() - started, 3),
        }

    def _in_all(self, amounts: list[Amounts]) -> Amounts:
        """Over all batches and processes, as a share of each process: gradients are averaged."""
        total = torch.tensor([*amounts, (0.0,) * len(Amounts._fields)], dtype=torch.float64).sum(0)
        self.replicas.add_up(total)
        return Amounts(*(total / self.replicas.size).tolist())

    def _learn(self, batch: Batch, over: Amounts) -> Losses:
        """Add a batch's gradients; its losses, for the metrics."""
        vision_alone = self.stage.trains == "vision"
        losses: Losses = (
            self.objective.read_only(batch, over) if vision_alone else self.objective(batch, over)
        )
        total = self._total(losses)
        if total.requires_grad:
            total.backward()
        return Losses(*(part.detach() for part in losses))

    def _total(self, losses: Losses) -> torch.Tensor:
        stage = self.stage
        if stage.trains == "vision":
            reading = 2.0 if stage.contrast_weight else 1.0
            return stage.contrast_weight * losses.contrast + reading * losses.glyphs
        return (
            losses.answer
            + stage.glyph_weight * losses.glyphs
            + stage.pointer_weight * (losses.pointer + losses.copy)
        )

    def _told(self, found: list[Losses], tokens: int) -> dict[str, float]:
        """Losses and scores of a step, over all its batches and processes."""
        parts = ("answer", "glyphs", "pointer", "copy", "contrast")
        sums = [
            torch.tensor([float(getattr(losses, part)) for part in parts]) / self.replicas.size
            for losses in found
        ]
        counts = [torch.cat((losses.hits, losses.tried)).float() for losses in found]
        told = torch.cat(
            (
                torch.stack([*sums, torch.zeros(len(parts))]).sum(0),
                torch.stack([*counts, torch.zeros(2 * len(SCORES))]).sum(0),
                torch.tensor([float(tokens)]),
            )
        )
        self.replicas.add_up(told)
        losses, hits, tried, all_tokens = told.split([len(parts), len(SCORES), len(SCORES), 1])
        answer, glyphs, pointer, copy, contrast = losses
        row = Losses(answer, glyphs, pointer, copy, contrast, hits, tried)
        rates = (hits / tried.clamp(min=1)).tolist()
        return {
            "loss": _rounded(self._total(row)),
            **{part: _rounded(getattr(row, part)) for part in parts},
            **{name: round(rate, 4) for name, rate in zip(SCORES, rates, strict=True)},
            "tokens": int(all_tokens),
        }

    def save(self) -> Path:
        """Weights in the public layout, and beside them what the next step needs.

        All replicas ask together; the leader writes.
        """
        target = self.folder / "last"
        optimizer_state = self.optimizer.state()
        if not self.replicas.leads:
            return target
        with self.mean.in_place_of(self.optimizer.live):
            self._write(target)
        save_file(self.objective.glyph_head.state_dict(), self.folder / GLYPH_HEAD)
        if self.objective.contrast is not None:
            save_file(self.objective.contrast.state_dict(), self.folder / CONTRAST_HEAD)
        state = {
            **optimizer_state,
            **self.mean.state(),
            "trainer/step": torch.tensor(self.step),
            "trainer/rates": torch.tensor([self.start_rate, self.last_rate], dtype=torch.float64),
            **{
                f"balance/{name}": buffer
                for name, buffer in self.network.named_buffers()
                if name.endswith("e_score_correction_bias")
            },
        }
        partial = self.folder / "state.partial.safetensors"
        save_file({name: tensor.contiguous() for name, tensor in state.items()}, partial)
        partial.replace(self.folder / STATE)
        return target

    def _write(self, target: Path) -> None:
        if not self.stage.adapter_rank:
            self.network.save_pretrained(target, dtype=torch.bfloat16)
            return
        from model.train.adapters import merged, save_adapters

        save_adapters(self.network, self.stage.adapter_rank, self.folder / ADAPTER)
        if self.step == self.stage.num_steps and not self.stage.four_bits:
            merged(self.network).save_pretrained(target, dtype=torch.bfloat16)

    def resume(self) -> bool:
        """Continue from the folder's last save; False if there is none."""
        path = self.folder / STATE
        if not path.exists():
            return False
        state = load_file(path)
        self.step, self._drawn = int(state.pop("trainer/step")), None
        if "trainer/rates" in state:
            self.start_rate, self.last_rate = state.pop("trainer/rates").tolist()
        buffers = dict(self.network.named_buffers())
        for name in [name for name in state if name.startswith("balance/")]:
            buffers[name.removeprefix("balance/")].copy_(state.pop(name))
        self.optimizer.load_state(state)
        self.mean.load_state(state, self.optimizer.masters)
        logger.info("resumed %s at step %d", self.stage.name, self.step)
        return True

    def _keep_heads(self, earlier: Path) -> None:
        self.objective.glyph_head.load_state_dict(load_file(earlier / GLYPH_HEAD))
        path = earlier / CONTRAST_HEAD
        if self.objective.contrast is not None and path.exists():
            self.objective.contrast.load_state_dict(load_file(path))

    def _go_on_from(self, state: dict[str, torch.Tensor]) -> None:
        """The momenta and the learning rate of the stage before; its weights are here already."""
        self.start_rate = float(state["trainer/rates"][1])
        self.optimizer.load_momenta(state)


def _rounded(value: torch.Tensor) -> float:
    return round(float(value.detach()), 4)
