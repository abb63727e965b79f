"""What the commands call: plain values in, the folder of a checkpoint out.

Whoever composes commands hands this module itself to them, so that they need not know it.
"""

from collections.abc import Sequence
from pathlib import Path

from model.shelf import weights_folder as weights_folder
from model.train import reinforce as learning
from model.train.data import TrainingData
from model.train.recipe import TOKENIZER_FILE, Recipe, fine_tune, follow
from model.train.samples import Attempt, Setting
from model.train.stages import Stage


def pretrain(recipe: Path, data: Path, out: Path, setting: Setting) -> Path:
    """Every stage of a recipe; see `model.train.recipe.follow`."""
    return follow(
        Recipe.from_file(recipe),
        data / TOKENIZER_FILE,
        TrainingData(folder=data, setting=setting),
        out,
        setting.watch,
    )


def sft(config: Path, init: str, data: Path, out: Path, setting: Setting) -> Path:
    """One stage from weights, named as `--model` names them; see `model.train.recipe.fine_tune`."""
    return fine_tune(
        weights_folder(init),
        Stage.from_file(config),
        TrainingData(folder=data, setting=setting),
        out,
        setting.watch,
    )


def reinforce(
    init: Path,
    attempts: Sequence[Attempt],
    out: Path,
    *,
    temperature: float,
    learning_rate: float,
    length_weight: float,
    seed: int,
    threads: int,
) -> dict[str, float]:
    """One iteration of learning from rewards; see `model.train.reinforce.reinforce`."""
    config = learning.MirrorDescent(
        temperature=temperature,
        learning_rate=learning_rate,
        length_weight=length_weight,
        seed=seed,
    )
    return learning.reinforce(init, attempts, config, out, threads=threads)
