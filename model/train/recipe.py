"""The stages that make a network from nothing, one after another, resumable in each."""

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch

from model.config import KimiVLConfig
from model.kimi_vl import KimiVL
from model.tokenizer import Tokenizer
from model.train.initial import random_network
from model.train.replicas import Replicas
from model.train.stages import Stage
from model.train.trainer import GLYPH_HEAD, Source, Trainer

TOKENIZER_FILE = "tiktoken.model"

OpenSources = Callable[[Stage], Mapping[str, Source]]
"""Gives what a stage's mixture names; called when the stage starts."""


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
            stages = tuple(Stage(**stage) for stage in found.pop("stages"))
            recipe = cls(stages=stages, **found)
        except FileNotFoundError as error:
            raise ValueError(f"no recipe at {path}") from error
        except (TypeError, KeyError, AttributeError, json.JSONDecodeError) as error:
            raise ValueError(f"{path} is not a recipe: {error}") from error
        names = [stage.name for stage in stages]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"{path} has stages {names}; expected one or more, named apart")
        return recipe


def follow(
    recipe: Recipe, tokenizer_file: Path, open_sources: OpenSources, out: Path, *, threads: int = 1
) -> Path:
    """Walk through the stages; returns the folder of the finished checkpoint.

    A stage that is done is not run again; one that was interrupted goes on.

    Args:
        threads: of torch. More than the cores that are free cost more than they give.
    """
    torch.set_num_threads(threads)
    replicas = Replicas.join()
    tokenizer = Tokenizer.from_file(tokenizer_file)
    network = random_network(KimiVLConfig.nano(vocab_size=tokenizer.vocab_size), recipe.seed)
    earlier: Path | None = None
    for stage in recipe.stages:
        folder = out / stage.name
        _train_stage(network, tokenizer, stage, open_sources, folder, replicas, earlier)
        network = KimiVL.from_pretrained(folder / "last", dtype=torch.float32)
        earlier = folder
    assert earlier is not None, "a recipe has a stage"
    if replicas.leads:
        shutil.copyfile(tokenizer_file, earlier / "last" / TOKENIZER_FILE)
    return earlier / "last"


def fine_tune(
    init: Path, stage: Stage, open_sources: OpenSources, out: Path, *, threads: int = 1
) -> Path:
    """One stage from the weights in `init`; returns the folder of the finished checkpoint.

    Raises:
        CheckpointError: `init` has no weights or no tokenizer, or they do not fit.
    """
    torch.set_num_threads(threads)
    network = KimiVL.from_pretrained(init, dtype=torch.float32)
    tokenizer = Tokenizer.from_file(init / TOKENIZER_FILE)
    replicas = Replicas.join()
    # A checkpoint that lies where a stage left it has the stage's reading head beside it.
    earlier = init.parent if (init.parent / GLYPH_HEAD).exists() else None
    _train_stage(network, tokenizer, stage, open_sources, out, replicas, earlier)
    if replicas.leads:
        shutil.copyfile(init / TOKENIZER_FILE, out / "last" / TOKENIZER_FILE)
    return out / "last"


def _train_stage(
    network: KimiVL,
    tokenizer: Tokenizer,
    stage: Stage,
    open_sources: OpenSources,
    folder: Path,
    replicas: Replicas,
    earlier: Path | None = None,
) -> None:
    """Run one stage to its end, from its last save if there is one."""
    trainer = Trainer(
        network,
        tokenizer,
        stage,
        open_sources(stage),
        folder,
        earlier=earlier,
        replicas=replicas,
    )
    trainer.resume()
    trainer.run()
    replicas.wait()
