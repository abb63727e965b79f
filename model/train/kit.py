"""What the commands call: plain values in, the folder of a checkpoint out.

Whoever composes commands hands this module itself to them, so that they need not know it.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from model.devices import quick_products
from model.shelf import weights_folder as weights_folder
from model.train import reinforce as learning
from model.train.data import TrainingData
from model.train.recipe import TOKENIZER_FILE, Recipe, fine_tune, follow
from model.train.samples import Attempt, Setting, Watch
from model.train.stages import Stage
from model.train.together import fine_tune_together

RECIPES = Path(__file__).parent / "recipes"


def pretrain(recipe: str, data: Path, out: Path, setting: Setting) -> Path:
    """Every stage of a recipe, ours by its name or a file; see `model.train.recipe.follow`."""
    ours = RECIPES / f"{recipe}.json"
    sources = TrainingData(folder=data, setting=setting)
    made = follow(
        Recipe.from_file(ours if ours.exists() else Path(recipe)),
        data / TOKENIZER_FILE,
        sources,
        out,
        setting.watch,
    )
    sources.write_card(out)
    return made


def sft(config: Path, init: str, data: Path, out: Path, setting: Setting) -> Path:
    """One stage from weights, named as `--model` names them; see `model.train.recipe.fine_tune`."""
    sources = TrainingData(folder=data, setting=setting)
    made = fine_tune(weights_folder(init), Stage.from_file(config), sources, out, setting.watch)
    sources.write_card(out)
    return made


def round(
    init: Path,
    data: Path,
    out: Path,
    setting: Setting,
    *,
    steps: int,
    batch_size: int,
    learning_rate: float,
    specimens: Path | None,
    seed: int,
    processes: int,
) -> Path:
    """A short fine-tuning on what was acted so far, its rate falling to nothing.

    Args:
        specimens: a data folder whose pages are read along; None: nothing is read but what was
            acted on.
        processes: that share every batch; see `model.train.together`.
    """
    shares = {"demonstrations": 0.95, "copying": 0.05}
    if specimens is not None:
        shares = {"demonstrations": 0.83, "copying": 0.05, "specimens": 0.12}
    warmup = min(20, steps // 8)
    stage = Stage(
        name=out.name,
        steps=steps,
        batch_size=batch_size,
        learning_rate=learning_rate,
        warmup_steps=warmup,
        cooldown_steps=steps - warmup,
        pointer_weight=0.4,
        # The reading head is not shipped; a random one would first unlearn what is read.
        glyph_weight=0.0,
        mixture=shares,
        dtype=quick_products(),
        seed=seed,
    )
    # An hour buys a fifth more steps of tasks with one question each than with three.
    sources = TrainingData(folder=data, setting=setting, specimens=specimens, num_questions=1)
    if processes == 1:
        return fine_tune(init, stage, sources, out, setting.watch)
    unwatched = replace(setting, say=_nothing, watch=Watch())
    sent = replace(sources, setting=unwatched)
    return fine_tune_together(processes, init, stage, sent, out, setting)


def _nothing(_text: str) -> None:
    """Said to nobody; the leader of the processes says it."""


def variant(
    config: Path,
    init: str,
    data: Path,
    out: Path,
    setting: Setting,
    *,
    without: tuple[str, ...],
    seed: int,
) -> Path:
    """A stage of the same length without some of its sources, drawn by another seed.

    Raises:
        ValueError: none of the sources is left.
    """
    stage = Stage.from_file(config)
    mixture = {name: share for name, share in stage.mixture.items() if name not in without}
    reads = {"specimens", "screens"}.isdisjoint(without)
    stage = replace(
        stage,
        mixture=mixture,
        seed=stage.seed + seed,
        glyph_weight=stage.glyph_weight if reads else 0.0,
        gate=None,
    )
    sources = TrainingData(folder=data, setting=setting)
    return fine_tune(weights_folder(init), stage, sources, out, setting.watch)


def reinforce(
    init: Path,
    attempts: Sequence[Attempt],
    out: Path,
    *,
    temperature: float,
    sampling_temperature: float,
    held: Sequence[Attempt],
    learning_rate: float,
    most_drift: float,
    problems_a_step: int,
    length_weight: float,
    seed: int,
    threads: int,
) -> dict[str, float]:
    """One iteration of learning from rewards; see `model.train.reinforce.reinforce`."""
    config = learning.MirrorDescent(
        temperature=temperature,
        sampling_temperature=sampling_temperature,
        learning_rate=learning_rate,
        most_drift=most_drift,
        problems_a_step=problems_a_step,
        length_weight=length_weight,
        seed=seed,
    )
    return learning.reinforce(init, attempts, config, out, held=held, threads=threads)
