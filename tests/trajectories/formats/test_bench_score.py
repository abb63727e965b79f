"""The figures are those of the published scorers on the same input, worked out by hand."""

import math

import pytest

from trajectories.formats.bench_score import (
    REVISED,
    SNAPSHOT,
    GoldAction,
    Prediction,
    score_step,
)


def gold(kind: str, **params: object) -> GoldAction:
    return {"type": kind, "params": params, "metadata": {}}


def at(
    x: float, y: float, kind: str = "click", boxes: list[list[float]] | None = None
) -> GoldAction:
    bboxes = [{"rel_bbox": box} for box in boxes or []]
    return {
        "type": kind,
        "params": {"position": {"x": x, "y": y}},
        "metadata": {"bboxes": bboxes},
    }


CLICK = at(0.5, 0.5)
TERMINATE = gold("terminate", status="success")
SCROLL = gold("scroll", amount=-5)
CTRL_C = gold("hotkey", keys=["ctrl", "c"])
CASES: list[tuple[list[GoldAction], list[Prediction], float, float]] = [
    # recorded, predicted, snapshot, revised
    ([CLICK], [("click", (0.5, 0.5))], 1.0, 1.0),
    ([CLICK], [("click", (0.51, 0.51))], 1.0, 1.0),
    ([CLICK], [("click", (0.52, 0.5))], 0.4951, 0.4951),
    ([CLICK], [("click", (0.55, 0.5))], 0.0135, 0.0135),
    ([at(0.5, 0.5, boxes=[[0.1, 0.1, 0.1, 0.1]])], [("click", (0.15, 0.2))], 1.0, 1.0),
    ([CLICK], [("rightClick", (0.5, 0.5))], 0.0, 0.0),
    ([CLICK], [], 0.0, 0.0),
    ([CLICK], [("click", (0.5, 0.5)), ("write", "x")], 1.0, 0.5),
    ([TERMINATE], [("terminate", "success")], 1.0, 1.0),
    ([TERMINATE], [("terminate", "failure")], 0.0, 0.0),
    ([TERMINATE], [("click", (0.1, 0.1))], 0.0, 0.0),
    ([gold("write", text="Hello")], [("write", " hello")], 1.0, 1.0),
    ([gold("write", content="abcdefghij")], [("write", "abcdefgh")], 1.0, 1.0),
    ([gold("write", text="abcd")], [("write", "abxx")], 0.625, 0.625),
    ([gold("write", text="a"), gold("press", keys=["enter"])], [("write", "a\n")], 1.0, 1.0),
    (
        [gold("write", text="a\n")],
        [("write", "a"), ("press", ["enter"])],
        1.0,
        1.0,
    ),
    ([CTRL_C], [("hotkey", ["c", "CTRL"])], 1.0, 0.0),
    ([CTRL_C], [("hotkey", ["ctrl", "c"])], 1.0, 1.0),
    ([CTRL_C], [("press", ["ctrl", "c"])], 0.0, 0.0),
    ([SCROLL], [("scroll", 3)], 1.0, 0.0),
    ([SCROLL], [("scroll", -2)], 1.0, 0.4),
    ([at(0.5, 0.5, "moveTo"), SCROLL], [("scroll", -5)], 0.0, 0.0),
    ([at(0.1, 0.1, "moveTo"), at(0.5, 0.5, "dragTo")], [("moveTo", (0.1, 0.1))], 0.5, 0.5),
    ([gold("wait", duration=1)], [("wait", 1)], 0.0, 0.0),
]


@pytest.mark.parametrize(("recorded", "predicted", "snapshot", "revised"), CASES)
def test_a_step_scores_as_published(
    recorded: list[GoldAction], predicted: list[Prediction], snapshot: float, revised: float
) -> None:
    for rules, wanted in ((SNAPSHOT, snapshot), (REVISED, revised)):
        assert math.isclose(score_step(rules, recorded, predicted).total, wanted, abs_tol=1e-4)


def test_the_total_is_the_mean_over_types_not_over_actions() -> None:
    recorded = [at(0.1, 0.1), at(0.2, 0.2), gold("press", keys=["enter"])]
    predicted: list[Prediction] = [("click", (0.1, 0.1)), ("click", (0.9, 0.9))]
    score = score_step(SNAPSHOT, recorded, predicted)
    assert score.by_type == {"click": 0.5, "press": 0.0}
    assert score.total == 0.25


def test_the_best_of_the_accepted_ways_counts() -> None:
    other = [gold("press", keys=["enter"])]
    score = score_step(SNAPSHOT, [CLICK], [("press", ["enter"])], [other])
    assert (score.total, score.used_alternative) == (1.0, True)
    score = score_step(SNAPSHOT, [CLICK], [("click", (0.5, 0.5))], [other])
    assert (score.total, score.used_alternative) == (1.0, False)


def test_scoring_changes_nothing_of_what_it_is_given() -> None:
    recorded = [gold("write", text="a"), gold("press", keys=["enter"])]
    for _ in range(2):
        assert score_step(SNAPSHOT, recorded, [("write", "a")]).total == 1.0
    assert recorded[0]["params"] == {"text": "a"}
