"""The stages that make a network from nothing, one after another, resumable in each.

A stage with a gate is judged before the next begins, on data that nothing was trained on.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

import torch
import torch.distributed as dist

from model.config import KimiVLConfig
from model.kimi_vl import KimiVL
from model.tokenizer import Tokenizer
from model.train.draws import Source
from model.train.fitting import trainable
from model.train.gates import pass_gate
from model.train.initial import random_network
from model.train.replicas import Replicas
from model.train.samples import Watch
from model.train.sharded import ShardedTrainer
from model.train.stages import Stage
from model.train.trainer import DTYPES, GLYPH_HEAD, Trainer

TOKENIZER_FILE = "tiktoken.model"


class Data(Protocol):
    """Where rows come from; `model.train.data` reads them from a folder."""

    def sources(self, stage: Stage) -> Mapping[str, Source]:
        """What the stage's mixture names; asked when the stage starts."""
        ...

    def held_out(self, name: str, stage: Stage) -> Source:
        """One of them, of data that is kept for judging."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    seed: int
    """Of the first random weights."""
    stages: tuple[Stage, ...]

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Read JSON.

        Raises:
            ValueError: not JSON, unknown or missing keys, two stages of one name.
        """
        try:
            found = json.loads(path.read_text())
            stages = tuple(Stage.from_json(stage) for stage in found.pop("stages"))
            recipe = cls(stages=stages, **found)
        except FileNotFoundError as error:
            raise ValueError(f"no recipe at {path}") from error
        except (TypeError, KeyError, AttributeError, json.JSONDecodeError) as error:
            raise ValueError(f"{path} is not a recipe: {error}") from error
        names = [stage.name for stage in stages]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"{path} has stages {names}; expected one or more, named apart")
        return recipe


def follow(recipe: Recipe, tokenizer_file: Path, data: Data, out: Path, watch: Watch) -> Path:
    """Walk through the stages; returns the folder of the finished checkpoint.

    A stage that is done is not run again; one that was interrupted goes on.

    Raises:
        GateClosed: a stage did not reach what the next one needs.
        KeyboardInterrupt: asked to stop; goes on from there when called again.
    """
    _set_up(watch)
    replicas = Replicas.join()
    tokenizer = Tokenizer.from_file(tokenizer_file)
    device = _device()
    network = random_network(KimiVLConfig.nano(vocab_size=tokenizer.vocab_size), recipe.seed)
    network.to(device)
    earlier: Path | None = None
    for stage in recipe.stages:
        folder = out / stage.name
        _train_stage(network, tokenizer, stage, data, folder, replicas, watch, earlier)
        network = KimiVL.from_pretrained(folder / "last", dtype=torch.float32, device=device)
        if stage.gate is not None:
            held_out = data.held_out(stage.gate.source, stage)
            pass_gate(stage.gate, network, tokenizer, held_out, folder)
        earlier = folder
    assert earlier is not None, "a recipe has a stage"
    if replicas.leads:
        shutil.copyfile(tokenizer_file, earlier / "last" / TOKENIZER_FILE)
    return earlier / "last"


def fine_tune(init: Path, stage: Stage, data: Data, out: Path, watch: Watch) -> Path:
    """One stage from the weights in `init`; returns the folder of the finished checkpoint.

    Raises:
        CheckpointError: `init` has no weights or no tokenizer, or they do not fit.
        GateClosed: it did not reach what it had to; the checkpoint is there.
        KeyboardInterrupt: asked to stop; goes on from there when called again.
    """
    _set_up(watch)
    tokenizer = Tokenizer.from_file(init / TOKENIZER_FILE)
    replicas = Replicas.join()
    # Weights that stay need no masters: as they are computed with, on the card unless 4 bits wait.
    dtype = DTYPES[stage.dtype] if stage.adapter_rank else torch.float32
    network = trainable(init, dtype, "cpu" if stage.four_bits else _device())
    # A checkpoint that lies where a stage left it has the stage's reading head beside it.
    earlier = init.parent if (init.parent / GLYPH_HEAD).exists() else None
    if stage.sharded:
        _train_sharded(network, tokenizer, stage, data, out, replicas, watch)
    else:
        _train_stage(network, tokenizer, stage, data, out, replicas, watch, earlier)
    if replicas.leads:
        shutil.copyfile(init / TOKENIZER_FILE, out / "last" / TOKENIZER_FILE)
    if stage.gate is not None:
        network = KimiVL.from_pretrained(out / "last", dtype=torch.float32, device=_device())
        pass_gate(stage.gate, network, tokenizer, data.held_out(stage.gate.source, stage), out)
    return out / "last"


def _device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def _set_up(watch: Watch) -> None:
    torch.set_num_threads(watch.threads)
    # A card multiplies float32 as TF32: many times faster, and the masters stay what they are.
    torch.set_float32_matmul_precision("high" if torch.cuda.is_available() else "highest")
    # cuDNN's attention plans every new length anew, and documents are of all lengths: a step of
    # packed ones took 7.8 s on an H200 where float32, which it does not do, took 1.2.
    torch.backends.cuda.enable_cudnn_sdp(False)


def _train_stage(
    network: KimiVL,
    tokenizer: Tokenizer,
    stage: Stage,
    data: Data,
    folder: Path,
    replicas: Replicas,
    watch: Watch,
    earlier: Path | None,
) -> None:
    """Run one stage to its end, from its last save if there is one."""
    trainer = Trainer(
        network,
        tokenizer,
        stage,
        data.sources(stage),
        folder,
        earlier=earlier,
        replicas=replicas,
        on_step=watch.on_step,
        readers=watch.readers,
    )
    trainer.resume()
    trainer.run(stop=watch.stop)
    replicas.wait()


def _train_sharded(
    network: KimiVL,
    tokenizer: Tokenizer,
    stage: Stage,
    data: Data,
    folder: Path,
    replicas: Replicas,
    watch: Watch,
) -> None:
    if not dist.is_initialized():
        raise ValueError("a sharded stage is shared out by torchrun; start it with that")
    trainer = ShardedTrainer(
        network, tokenizer, stage, data.sources(stage), folder, replicas, on_step=watch.on_step
    )
    trainer.resume()
    trainer.run(stop=watch.stop)
