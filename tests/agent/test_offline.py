from pathlib import Path

import pytest

from agent.offline import (
    bench_tasks,
    parsed_predictions,
    score_bench,
    summarise_steps,
)
from agent.policy import ScriptedPolicy
from agent.prompts import OPENCUA
from model.messages import Sampling
from tests.trajectories.conftest import ANSWERS, MakeRun, make_run
from trajectories.formats.bench_score import Prediction
from trajectories.reading import read_run

__all__ = ["make_run"]

CODE = "## Code:\n```python\n{}\n```"


@pytest.mark.parametrize(
    ("code", "predicted"),
    [
        ("pyautogui.click(0.5, 0.5)", [("click", (0.5, 0.5))]),
        ("pyautogui.click(0.5, 0.5, button='right')", [("rightClick", (0.5, 0.5))]),
        ("pyautogui.tripleClick(x=0.5, y=0.5)", [("tripleClick", (0.5, 0.5))]),
        ("pyautogui.scroll(-3, x=0.5, y=0.25)", [("moveTo", (0.5, 0.25)), ("scroll", -3)]),
        ('pyautogui.write("it\'s")', [("write", "it's")]),
        ("pyautogui.hotkey('cmd', 'c')", [("hotkey", ["ctrl", "c"])]),
        ("pyautogui.press('enter', presses=2)", [("press", ["enter"])] * 2),
        ("computer.terminate(status='fail')", [("terminate", "failure")]),
        ("pyautogui.flyAway()", []),
    ],
)
def test_our_parser_reads_what_the_published_one_misses(
    code: str, predicted: list[Prediction]
) -> None:
    assert parsed_predictions(CODE.format(code)) == predicted


def test_who_repeats_what_was_done_scores_full_by_our_parser(
    make_run: MakeRun, tmp_path: Path
) -> None:
    (task,) = bench_tasks(read_run(make_run()), tmp_path / "images")
    policy = ScriptedPolicy([answer for answer in ANSWERS if "no code" not in answer])
    results = list(score_bench([task], tmp_path / "images", policy, OPENCUA, Sampling()))
    metric = summarise_steps(results)
    assert metric["num_steps"] == 7
    assert metric["average_score"]["parsed"] == {"snapshot": 1.0, "60da8b9": 1.0}
    # Positional arguments and scrolls with a point are lost on theirs.
    assert metric["average_score"]["published"]["snapshot"] < 1.0
    # Teacher-forced: the third question tells of the first two steps as they were recorded.
    asked = "".join(message.text for message in policy.seen[2])
    assert "Click the field." in asked
    assert "Type the name." in asked


def test_who_says_nothing_scores_nothing(make_run: MakeRun, tmp_path: Path) -> None:
    (task,) = bench_tasks(read_run(make_run()), tmp_path / "images")
    policy = ScriptedPolicy(["I would rather not."] * 7)
    results = list(score_bench([task], tmp_path / "images", policy, OPENCUA, Sampling()))
    metric = summarise_steps(results)
    assert metric["average_score"]["published"] == {"snapshot": 0.0, "60da8b9": 0.0}
    assert metric["action_type_scores"]["parsed"]["snapshot"] == {}
