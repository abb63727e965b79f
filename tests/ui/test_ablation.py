"""With and without: two trainings of a fixed outcome, measured on a real page."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.action_text import action_text
from agent.policy import Policy, ScriptedPolicy
from env.actions import Click, Point
from env.miniwob.page import TASK_SIZE
from model.train.samples import Setting, Watch
from ui.commands.ablation import VARIANTS, Ablate, ablate, experts_only
from ui.commands.kit import Kit

NOWHERE = action_text(Click(Point(5, 205)), TASK_SIZE, words="Click nowhere.")


def open_policy(_name: str) -> Policy:
    def same() -> Iterator[str]:
        while True:
            yield NOWHERE

    return ScriptedPolicy(same())


class Outcomes:
    """Trained whole it is the expert; without reading it clicks nowhere."""

    def __init__(self) -> None:
        self.asked: list[tuple[tuple[str, ...], int]] = []

    def variant(
        self, _config: Path, _init: str, _data: Path, _out: Path, setting: Setting, **how: Any
    ) -> Path:
        self.asked.append((how["without"], how["seed"]))
        assert setting.demonstrations is not experts_only
        return Path("blind" if "specimens" in how["without"] else "expert")

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was not to be asked")


def setting() -> Setting:
    return Setting(
        demonstrations=lambda _: [], thoughts=lambda _: [], words=(), say=print, watch=Watch()
    )


def run(options: Ablate, kit: Any, said: list[str]) -> int:
    opened: Kit = kit
    return ablate(
        options,
        say=said.append,
        setting=setting(),
        open_policy=open_policy,
        open_kit=lambda: opened,
    )


def test_each_variant_is_trained_and_measured_by_seed(tmp_path: Path) -> None:
    options = Ablate(
        config=tmp_path / "stage.json",
        out=tmp_path,
        seeds=1,
        tasks="click-test",
        episodes=1,
        max_steps=1,
    )
    kit, said = Outcomes(), list[str]()
    assert run(options, kit, said) == 0
    assert kit.asked == [((), 0), (VARIANTS["no-reading"], 0)]
    told = json.loads((tmp_path / "ablation.json").read_text())
    assert told["means"] == {"whole": 1.0, "no-reading": 0.0}
    assert said[-1] == "no-reading: 0.0% over 1 trainings"


def test_an_unknown_variant_is_refused(tmp_path: Path) -> None:
    options = Ablate(config=tmp_path / "s.json", out=tmp_path, variants="whole,no-luck")
    with pytest.raises(ValueError, match="no-luck"):
        run(options, Outcomes(), [])
