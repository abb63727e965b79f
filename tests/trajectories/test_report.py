import json
from pathlib import Path
from typing import Any

import pytest

from agent.evaluate import EpisodeRecord, EvalConfig
from agent.grounding import GroundingConfig, summarise_grounding
from agent.summary import summarise
from agent.task_runs import SuiteConfig, TaskRecord
from agent.task_summary import summarise_tasks
from trajectories.charts import Measure, Part, grouped_bars, histogram, stacked_bars
from trajectories.errors import FormatError
from trajectories.report import differences, read_evaluation, render_report, write_report


def suite_summary(scores: dict[str, float | None], model: str = "nano") -> dict[str, Any]:
    records = [
        TaskRecord(
            domain=name.split("/")[0],
            task=name.split("/")[1],
            score=score,
            ending="DONE",
            num_steps=3,
            reason="<b>no file</b>",
            seconds={"total": 9.0, "model": 3.0, "settle": 1.5, "open": 1.0, "prepare": 1.0},
            ended_at=0.0,
        )
        for name, score in scores.items()
    ]
    return summarise_tasks(SuiteConfig(suite="osworld", model=model), records)


def kept(folder: Path, summary: dict[str, Any]) -> Path:
    folder.mkdir()
    (folder / "summary.json").write_text(json.dumps(summary))
    return folder


def test_two_evaluations_are_compared_task_by_task(tmp_path: Path) -> None:
    one = kept(tmp_path / "one", suite_summary({"os/a": 1.0, "os/b": 0.5, "os/c": 1.0}))
    other = kept(tmp_path / "other", suite_summary({"os/a": 0.0, "os/b": 0.5, "gimp/d": 1.0}))
    (told,) = differences([read_evaluation(one), read_evaluation(other)])
    assert (told.num_tasks, told.mean, told.error) == (2, 0.5, 0.5)


def test_summaries_of_every_suite_are_read(tmp_path: Path) -> None:
    record = EpisodeRecord(
        task="click-test",
        seed=1,
        raw_reward=1.0,
        success=True,
        strict=True,
        ending="ENVIRONMENT_OVER",
        num_steps=2,
        reason="",
        seconds={"capture": 0.1, "settle": 0.1, "model": 0.5, "act": 0.1, "total": 1.0},
        run="run-1",
    )
    miniwob = kept(tmp_path / "m", summarise(EvalConfig(model="nano", blind=True), [record]))
    pointing = GroundingConfig(model="nano", images="set")
    screenspot = kept(tmp_path / "s", summarise_grounding(pointing, [], []))
    read = [read_evaluation(folder) for folder in (miniwob, screenspot)]
    assert [each.suite for each in read] == ["miniwob", "screenspot"]
    assert read[0].model == "nano (blind)"
    assert read[0].groups["click-test"] == Measure(1.0, None)
    assert "click-test" in render_report(read)


def test_the_page_needs_nothing_else_and_shows_texts_as_texts(tmp_path: Path) -> None:
    folder = kept(tmp_path / "<i>one", suite_summary({"os/a": 1.0, "gimp/b": None}))
    path = write_report([read_evaluation(folder)], tmp_path / "report.html")
    page = path.read_text()
    assert "&lt;b&gt;no file" in page
    assert "<b>" not in page
    assert "<i>" not in page
    assert "http" not in page
    assert page.count("<svg") == 4


def test_what_is_no_result_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="expected a folder that eval has written"):
        read_evaluation(tmp_path)
    with pytest.raises(FormatError, match="not a summary of eval"):
        read_evaluation(kept(tmp_path / "x", {"mean": 1.0}))
    (tmp_path / "summary.json").write_text("{")
    with pytest.raises(FormatError, match="not JSON"):
        read_evaluation(tmp_path)


def test_bars_are_as_long_as_their_means_and_whiskers_stay_on_the_scale() -> None:
    chart = grouped_bars(["a", "b"], [{"os": Measure(0.5, 0.1)}, {"os": Measure(1.0, 0.1)}])
    assert chart is not None
    half, whole = chart.bars
    assert whole.width == 2 * half.width
    assert half.whisker is not None
    assert whole.whisker is not None
    assert half.whisker[1] - half.whisker[0] == pytest.approx(0.2 * whole.width)
    assert whole.whisker[1] == whole.x + whole.width


def test_parts_make_up_a_bar_and_every_task_is_in_the_histogram() -> None:
    chart = stacked_bars(["a"], [[Part("done", 0, 0.75, "3"), Part("failed", 1, 0.25, "1")]])
    assert chart is not None
    assert chart.bars[0].width + 1.5 == pytest.approx(3 * (chart.bars[1].width + 1.5))
    counted = histogram(["a"], [[1.0, 1.5, 30.0, 60.0]])
    assert counted is not None
    assert sorted(label.words for label in counted.labels if label.y < 170) == ["1", "1", "2"]


def test_nothing_to_show_is_no_chart() -> None:
    assert grouped_bars(["a"], [{}]) is None
    assert stacked_bars(["a"], [[]]) is None
    assert histogram(["a"], [[]]) is None
