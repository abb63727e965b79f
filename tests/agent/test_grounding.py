import json
from pathlib import Path

import pytest
from PIL import Image

from agent.grounding import (
    GroundingConfig,
    Prediction,
    earlier_predictions,
    point_of,
    predict,
    summarise_grounding,
    write_prediction,
)
from agent.grounding_sets import make_web_set
from agent.policy import ScriptedPolicy
from agent.prompts import OPENCUA_L1
from model.messages import Sampling
from trajectories.formats.screenspot import GroundingSample, Kind, read_screenspot

CONFIG = GroundingConfig(model="nano", images="set")


def answer(code: str) -> str:
    return f"## Action:\nPoint.\n## Code:\n```python\n{code}\n```"


@pytest.fixture
def sample(tmp_path: Path) -> GroundingSample:
    path = tmp_path / "a.png"
    Image.new("RGB", (100, 80), "navy").save(path)
    return made("a", path)


def made(name: str, path: Path, kind: Kind = "text", application: str = "gimp") -> GroundingSample:
    return GroundingSample(
        id=name,
        image=path,
        instruction="the brush",
        box=(10, 20, 40, 60),
        size=(100, 80),
        kind=kind,
        platform="linux",
        application=application,
        group="Creative",
    )


@pytest.mark.parametrize(
    ("code", "point"),
    [
        ("pyautogui.click(x=0.25, y=0.5)", (0.25, 0.5)),
        ("pyautogui.moveTo(0.25, 0.5)\npyautogui.click(x=0.1, y=0.1)", (0.25, 0.5)),
        ("pyautogui.write('a')\npyautogui.doubleClick(0.2, 0.3)", (0.2, 0.3)),
        ("pyautogui.scroll(-2, x=0.5, y=0.6)", (0.5, 0.6)),
        ("pyautogui.moveTo(0.1, 0.2)\npyautogui.dragTo(0.5, 0.6)", (0.1, 0.2)),
        ("pyautogui.press('enter')", None),
        ("click(1, 2)", None),
    ],
)
def test_the_first_point_counts(code: str, point: tuple[float, float] | None) -> None:
    assert point_of(answer(code)) == point


@pytest.mark.parametrize(
    ("text", "correctness"),
    [
        (answer("pyautogui.click(x=0.25, y=0.5)"), "correct"),
        (answer("pyautogui.click(x=0.9, y=0.5)"), "wrong"),
        (answer("pyautogui.click(x=250, y=0.5)"), "wrong"),
        ("It is at the top left.", "wrong_format"),
    ],
)
def test_an_answer_hits_misses_or_says_nothing(
    text: str, correctness: str, sample: GroundingSample
) -> None:
    policy = ScriptedPolicy([text])
    prediction = predict(policy, OPENCUA_L1, Sampling(), sample)
    assert (prediction.correctness, prediction.response) == (correctness, text)
    assert "the brush" in policy.seen[0][-1].text


def prediction(name: str, correctness: str) -> Prediction:
    return Prediction(id=name, correctness=correctness, point=None, response="", seconds=0.5)


def test_the_summary_counts_by_platform_type_application_and_group(tmp_path: Path) -> None:
    samples = [
        made("a", tmp_path),
        made("b", tmp_path, "icon"),
        made("c", tmp_path, "icon", "blender"),
        made("d", tmp_path),
    ]
    predictions = [
        prediction("a", "correct"),
        prediction("b", "wrong"),
        prediction("c", "wrong_format"),
    ]
    summary = summarise_grounding(CONFIG, samples, predictions)
    assert (summary["mean"], summary["samples"]) == (0.3333, 3)
    assert summary["standard_error"] == 0.3333
    assert (summary["text_mean"], summary["icon_mean"]) == (1.0, 0.0)
    assert summary["by_application"]["gimp"]["mean"] == 0.5
    assert summary["by_application"]["blender"]["text_mean"] is None
    assert set(summary["by_group"]) == {"Creative"}
    assert set(summary["by_platform"]) == {"linux"}
    assert summary["endings"] == {"correct": 1, "wrong": 1, "wrong_format": 1}


def test_an_interrupted_score_is_gone_on_with(tmp_path: Path) -> None:
    samples = [made("a", tmp_path), made("b", tmp_path)]
    assert earlier_predictions(tmp_path, samples) == []
    write_prediction(tmp_path, prediction("a", "correct"))
    path = tmp_path / "predictions.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"id": "b", "correc')
    assert [each.id for each in earlier_predictions(tmp_path, samples)] == ["a"]
    assert path.read_bytes() == whole, "the next line is not written behind a torn one"


def test_a_set_of_our_own_pages_is_in_the_format_and_true_to_the_picture(tmp_path: Path) -> None:
    tasks = ("click-test-2", "click-dialog-2", "click-checkboxes")
    path = make_web_set(tmp_path, seed=7, tasks=tasks)
    samples = read_screenspot(tmp_path)
    assert len(samples) == len(json.loads(path.read_text())) > 5
    assert {sample.platform for sample in samples} == {"web"}
    for sample in samples:
        with Image.open(sample.image) as picture:
            colors = picture.convert("RGB").crop(sample.box).getcolors()
        assert colors is None or len(colors) > 1, f"nothing is drawn where {sample.id} is"
