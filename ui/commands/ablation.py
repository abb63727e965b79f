"""`main.py ablate`: the same training with and without a part of it, on the same unseen seeds."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from agent.collect import OpenPolicy
from agent.demonstrations import demonstrations
from agent.measure import Measurer
from agent.miniwob import tasks_named
from agent.prompts import NANO
from agent.workers import share_cores
from model.train.samples import Demonstration, Setting
from ui.commands.kit import OpenKit
from ui.options import SOME_TASKS

_DONE = 0
WHOLE = "whole"
VARIANTS = {
    WHOLE: (),
    "no-reading": ("specimens", "screens"),
    "no-copying": ("copying",),
    "no-corrections": (),
}
"""Name to the sources that are left out; without corrections, only what experts acted is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ablate:
    """Train a stage whole and without parts of it, and measure each on the same unseen seeds.

    What learning from rewards is worth, `rl` tells by itself: it measures before and after.
    """

    config: Annotated[Path, "the stage, as JSON"]
    out: Annotated[Path, "folder for the variants and ablation.json; goes on where it stopped"]
    variants: Annotated[str, f"names with commas: {', '.join(VARIANTS)}"] = "whole,no-reading"
    init: Annotated[str, "nano or a folder of weights that all start from"] = "nano"
    data: Annotated[Path, "folder with runs/ and what else the stage wants"] = Path("data")
    seeds: Annotated[int, "trainings of each variant, each drawn by a seed of its own"] = 2
    tasks: Annotated[str, SOME_TASKS] = "pix2act59"
    episodes: Annotated[int, "unseen seeds a task"] = 5
    round: Annotated[int, "of those seeds, as `eval --seed`"] = 40
    max_steps: Annotated[int, "steps an episode"] = 12
    workers: Annotated[int, "processes, each with a browser and a model"] = 1


def ablate(
    options: Ablate,
    *,
    say: Callable[[str], None],
    setting: Setting,
    open_policy: OpenPolicy,
    open_kit: OpenKit,
) -> int:
    names = [name.strip() for name in options.variants.split(",")]
    unknown = sorted(set(names) - VARIANTS.keys())
    if unknown:
        raise ValueError(f"no variant {unknown[0]!r}; expected {', '.join(VARIANTS)}")
    share_cores(options.workers)
    measurer = Measurer(
        tasks=tasks_named(options.tasks),
        episodes=options.episodes,
        seed=options.round,
        max_steps=options.max_steps,
        workers=options.workers,
        open_policy=open_policy,
    )
    kit = open_kit()
    found: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for seed in range(options.seeds):
        for name in names:
            folder = options.out / f"{name}-{seed}"
            told = (
                replace(setting, demonstrations=experts_only)
                if name == "no-corrections"
                else setting
            )
            weights = kit.variant(
                options.config,
                options.init,
                options.data,
                folder,
                told,
                without=VARIANTS[name],
                seed=seed,
            )
            summary = measurer(str(weights), folder / "measured")
            found[name].append({"seed": seed, "mean": summary["mean"]})
            say(f"{name}, seed {seed}: {summary['mean']:.1%}")
            report = {"config": str(options.config), "variants": found, "means": _means(found)}
            (options.out / "ablation.json").write_text(json.dumps(report, indent=2) + "\n")
    for name, mean in _means(found).items():
        say(f"{name}: {mean:.1%} over {len(found[name])} trainings")
    return _DONE


def _means(found: dict[str, list[dict[str, float]]]) -> dict[str, float]:
    return {
        name: sum(row["mean"] for row in rows) / len(rows) for name, rows in found.items() if rows
    }


def experts_only(data: Path) -> list[Demonstration]:
    """What the experts acted themselves, without their corrections of a learner."""
    return list(demonstrations(data / "runs", NANO, only_by="expert"))
