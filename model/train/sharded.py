"""Every weight of a large network trained, each process holding a part (FSDP2).

`torchrun --nproc-per-node 8 main.py tune ... ` shards parameters, gradients and AdamW's state over
the processes; a layer is gathered when it computes and let go after. What a process does not hold
it cannot orthogonalise, so the matrices are AdamW's here and not Muon's. Answers only: the heads
that help nano to read and point are for networks that cannot yet.
"""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor

from model.decoder import DecoderLayer
from model.images import ImageProcessor
from model.kimi_vl import KimiVL
from model.moe import MixtureOfExperts
from model.moonvit import Grid, VisionBlock
from model.tokenizer import Tokenizer
from model.train.batches import Batch, logits_of
from model.train.documents import Reader
from model.train.draws import Draws, Source
from model.train.fitting import choose, fit
from model.train.optim import ExpertBalance
from model.train.replicas import Replicas
from model.train.samples import OnStep, never, unwatched
from model.train.stages import Stage
from model.train.trainer import DTYPES, METRICS
from model.weights import write_weights


class Answers(nn.Module):
    """The network as one function of a batch: what the shards are gathered around."""

    def __init__(self, network: KimiVL) -> None:
        super().__init__()
        self.network = network

    def forward(self, batch: Batch) -> Tensor:
        """The sum of the cross-entropies of what is to be learned."""
        network = self.network
        pixels, grids, shown = batch.pixel_values, batch.grids, batch.shown
        if pixels is None:
            # Every process must compute with every weight, or the others wait for it for ever.
            size = network.config.vision.patch_size
            pixels = torch.zeros(4, 3, size, size, device=batch.input_ids_BT.device)
            grids, shown = [Grid(2, 2)], [0]
        features = network.project(network.vision_tower(pixels, grids), grids, shown)
        if batch.pixel_values is None:
            embedded = network.merge(batch.input_ids_BT, None) + 0.0 * features.sum()
        else:
            embedded = network.merge(batch.input_ids_BT, features)
        logits = logits_of(network, batch, embedded)
        return F.cross_entropy(logits, batch.learned.targets_P, reduction="sum")


def shard(answers: Answers, dtype: torch.dtype) -> None:
    """In place: layer by layer, then what is left. Computed in `dtype`, kept in float32."""
    policy = MixedPrecisionPolicy(param_dtype=dtype, reduce_dtype=torch.float32)
    for module in answers.modules():
        if isinstance(module, MixtureOfExperts):
            module.all_take_part = True
        if isinstance(module, DecoderLayer | VisionBlock):
            fully_shard(module, mp_policy=policy)
    fully_shard(answers, mp_policy=policy)


class ShardedTrainer:
    def __init__(
        self,
        network: KimiVL,
        tokenizer: Tokenizer,
        stage: Stage,
        sources: Mapping[str, Source],
        folder: Path,
        replicas: Replicas,
        *,
        on_step: OnStep = unwatched,
    ) -> None:
        """
        Args:
            network: in float32, the same in every process; it is sharded here.
        """
        self.stage, self.folder, self.replicas, self.on_step = stage, folder, replicas, on_step
        config = network.config
        images = ImageProcessor(config.in_token_limit, config.vision.patch_size)
        self.draws = Draws(stage, sources, Reader(tokenizer, images), replicas)
        fit(network, stage)
        choose(network, stage)
        self.network = network
        self.balance = ExpertBalance(network, stage.expert_balance_rate, replicas)
        self.answers = Answers(network)
        self.device = network.language_model.lm_head.weight.device
        shard(self.answers, DTYPES[stage.dtype])
        self._trained = {n: p for n, p in self.answers.named_parameters() if p.requires_grad}
        matrices = [p for p in self._trained.values() if p.ndim > 1]
        others = [p for p in self._trained.values() if p.ndim <= 1]
        self.optimizer = torch.optim.AdamW(
            [
                {"params": matrices, "weight_decay": stage.weight_decay},
                {"params": others, "weight_decay": 0.0},
            ],
            betas=(0.9, 0.95),
        )
        self.step = 0

    def run(self, *, save_every: int = 100, stop: Callable[[], bool] = never) -> None:
        """As `model.train.trainer.Trainer.run`."""
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
        self.write_whole()

    def one_step(self) -> dict[str, float]:
        started = time.perf_counter()
        batches = [batch.to(self.device) for batch in self.draws.batches(self.step)]
        counts = torch.tensor(
            [
                float(sum(len(batch.learned.targets_P) for batch in batches)),
                float(sum(batch.num_tokens for batch in batches)),
            ]
        )
        self.replicas.add_up(counts)
        learned, tokens = counts.tolist()
        told = torch.zeros(1)
        for batch in batches:
            # Gradients are averaged over the processes: times their number, they are summed.
            loss = self.answers(batch) * (self.replicas.size / learned)
            loss.backward()
            told += float(loss.detach()) / self.replicas.size
        self.replicas.add_up(told)
        norm = nn.utils.clip_grad_norm_(self._trained.values(), 1.0)
        whole = norm.full_tensor() if isinstance(norm, DTensor) else norm
        rate = self.stage.rate_at(self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        self.optimizer.zero_grad()
        busiest = self.balance.step()
        self.step += 1
        return {
            "step": self.step,
            "loss": round(float(told), 4),
            "answer": round(float(told), 4),
            "gradient_norm": round(float(whole), 3),
            "busiest_expert": round(busiest, 2),
            "learning_rate": rate,
            "tokens": int(tokens),
            "seconds": round(time.perf_counter() - started, 3),
        }

    def save(self) -> None:
        """Each process its part; all of the same number of processes go on with them."""
        self.folder.mkdir(parents=True, exist_ok=True)
        state = {"trainer/step": torch.tensor(self.step)}
        for name, parameter in self._trained.items():
            state[f"{name}/weight"] = _mine(parameter)
            for key, value in self.optimizer.state[parameter].items():
                state[f"{name}/{key}"] = _mine(value)
        for name, buffer in self.network.named_buffers():
            state[f"buffer/{name}"] = buffer
        path = self._part()
        partial = path.with_suffix(".partial")
        save_file({n: t.detach().cpu().contiguous().clone() for n, t in state.items()}, partial)
        # All have written before any part is replaced: parts of two saves do not go together.
        self.replicas.wait()
        partial.replace(path)
        self.replicas.wait()

    def resume(self) -> bool:
        """Continue from the folder's last save; False if there is none.

        Raises:
            ValueError: it is of another number of processes, or its parts are of several saves.
        """
        path = self._part()
        if not path.exists():
            if any(self.folder.glob("part-*.safetensors")):
                raise ValueError(f"{self.folder} was saved by another number of processes")
            return False
        state = load_file(path)
        self.step = int(state.pop("trainer/step"))
        steps = torch.tensor([float(self.step)])
        self.replicas.add_up(steps)
        if float(steps) != self.step * self.replicas.size:
            raise ValueError(f"the parts in {self.folder} are of several saves")
        buffers = dict(self.network.named_buffers())
        with torch.no_grad():
            for name in [name for name in state if name.startswith("buffer/")]:
                buffers[name.removeprefix("buffer/")].copy_(state.pop(name))
            for name, parameter in self._trained.items():
                _mine(parameter).copy_(state[f"{name}/weight"])
                self.optimizer.state[parameter] = {
                    "step": state[f"{name}/step"],
                    **{
                        key: _like(parameter, state[f"{name}/{key}"])
                        for key in ("exp_avg", "exp_avg_sq")
                    },
                }
        return True

    def write_whole(self) -> Path:
        """The checkpoint, gathered tensor by tensor; the leader writes."""
        target = self.folder / "last"
        tensors = {
            name: tensor.full_tensor().cpu() if isinstance(tensor, DTensor) else tensor.cpu()
            for name, tensor in self.network.state_dict().items()
        }
        if self.replicas.leads:
            with torch.device("meta"):
                whole = KimiVL(self.network.config)
            whole.load_state_dict(tensors, assign=True)
            write_weights(whole, self.network.config, target, torch.bfloat16)
        self.replicas.wait()
        return target

    def _part(self) -> Path:
        return self.folder / f"part-{self.replicas.rank}-of-{self.replicas.size}.safetensors"


def _mine(tensor: Tensor) -> Tensor:
    """What this process holds of it."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def _like(parameter: Tensor, mine: Tensor) -> Tensor:
    if not isinstance(parameter, DTensor):
        return mine
    return DTensor.from_local(mine, parameter.device_mesh, parameter.placements)
