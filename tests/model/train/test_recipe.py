import json
import random
from pathlib import Path
from typing import Any

import pytest

from model.train.recipe import Recipe
from model.train.stages import Stage

RECIPES = Path(__file__).parents[3] / "model" / "train" / "recipes"
STAGE: dict[str, Any] = {"name": "joint", "steps": 10, "mixture": {"specimens": 1.0}}


def write(path: Path, content: object) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.json")), ids=lambda path: path.name)
def test_shipped_recipes_can_be_followed(path: Path) -> None:
    recipe = Recipe.from_file(path)
    for stage in recipe.stages:
        assert set(stage.mixture) <= {"specimens", "demonstrations", "copying"}


def test_there_is_a_recipe_of_nano() -> None:
    assert (RECIPES / "nano.json").exists()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        {"seed": 1},
        {"seed": 1, "stages": []},
        {"seed": 1, "stages": [STAGE, STAGE]},
        {"seed": 1, "stages": [{**STAGE, "epochs": 3}]},
        {"seed": 1, "stages": [STAGE], "colour": "blue"},
        {"stages": [STAGE]},
        {"seed": 1, "stages": [{"name": "joint", "mixture": {"a": 1}}]},
        {"seed": 1, "stages": [{**STAGE, "steps": 0}]},
    ],
)
def test_what_is_no_recipe_is_refused(tmp_path: Path, content: object) -> None:
    with pytest.raises(ValueError, match=r"recipe|expected"):
        Recipe.from_file(write(tmp_path / "r.json", content))


def test_a_missing_recipe_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no recipe at"):
        Recipe.from_file(tmp_path / "gone.json")


@pytest.mark.parametrize(
    "change",
    [
        {"steps": 0},
        {"batch_size": 0},
        {"mixture": {}},
        {"mixture": {"a": 0.0}},
        {"mixture": {"a": -1.0, "b": 2.0}},
        {"cooldown_steps": 11},
        {"trains": "head"},
    ],
)
def test_an_impossible_stage_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"expected|cooldown"):
        Stage.from_file(write(tmp_path / "s.json", STAGE | change))


@pytest.mark.parametrize("content", ["{", "[]", {"name": "x"}, {**STAGE, "rate": 1}])
def test_what_is_no_stage_is_refused(tmp_path: Path, content: object) -> None:
    path = write(tmp_path / "s.json", content)
    with pytest.raises(ValueError, match=r"s\.json"):
        Stage.from_file(path)
    with pytest.raises(ValueError, match="no stage file"):
        Stage.from_file(tmp_path / "gone.json")


def test_the_rate_warms_up_stays_and_cools_down() -> None:
    stage = Stage(
        name="s", steps=10, learning_rate=1.0, warmup_steps=2, cooldown_steps=4, mixture={"a": 1.0}
    )
    rates = [stage.rate_at(step) for step in range(10)]
    assert rates == [0.5, 1, 1, 1, 1, 1, 1, 0.75, 0.5, 0.25]


def test_a_draw_is_decided_by_the_seed_and_the_step() -> None:
    # The generator of a pool is seeded with a text: Python hashes it the same in every process.
    assert random.Random("0/3").random() == random.Random("0/3").random()
