import random

from agent.task_runs import SuiteConfig, TaskRecord
from agent.task_summary import results_list, standard_error, summarise_tasks

CONFIG = SuiteConfig(suite="form", model="nano")


def record(
    domain: str, task: str, score: float | None, *, attempt: int = 0, infeasible: bool = False
) -> TaskRecord:
    return TaskRecord(
        domain=domain,
        task=task,
        attempt=attempt,
        score=score,
        ending="DONE" if score is not None else "NOT_BEGUN",
        num_steps=4,
        reason="",
        seconds={"open": 1.0, "prepare": 2.0, "settle": 2.0, "model": 6.0, "total": 20.0},
        ended_at=0.0,
        infeasible=infeasible,
    )


RECORDS = [
    record("chrome", "a", 1.0),
    record("chrome", "b", 0.5),
    record("gimp", "c", 0.0, infeasible=True),
    record("gimp", "d", None),
]


def test_means_are_over_tasks_and_what_has_no_score_is_in_none() -> None:
    summary = summarise_tasks(CONFIG, RECORDS)
    assert (summary["mean"], summary["tasks"], summary["total_score"]) == (0.5, 3, 1.5)
    assert summary["standard_error"] == round(0.5 / 3**0.5, 4)
    assert summary["per_domain"]["chrome"]["mean"] == 0.75
    assert summary["per_domain"]["gimp"]["standard_error"] is None
    assert summary["unscored"] == [{"task": "gimp/d", "reason": ""}]
    assert summary["infeasible"]["tasks"] == 1


def test_the_time_is_split_into_the_models_and_the_environments() -> None:
    seconds = summarise_tasks(CONFIG, RECORDS)["seconds"]
    assert (seconds["total"], seconds["model"], seconds["environment"]) == (20.0, 6.0, 14.0)
    assert (seconds["start"], seconds["step"]) == (3.0, 2.0)


def test_a_task_with_several_attempts_counts_once() -> None:
    records = [
        *(record("chrome", "a", score, attempt=n) for n, score in enumerate([1.0, 0.0])),
        record("chrome", "b", 1.0),
    ]
    summary = summarise_tasks(CONFIG, records)
    assert (summary["mean"], summary["tasks"], summary["episodes"]) == (0.75, 2, 3)


def test_the_order_they_came_in_does_not_show() -> None:
    shuffled = random.Random(1).sample(RECORDS, len(RECORDS))
    assert summarise_tasks(CONFIG, shuffled) == summarise_tasks(CONFIG, RECORDS)
    assert results_list(shuffled) == results_list(RECORDS)


def test_osworlds_list_tells_errors() -> None:
    entries = results_list(RECORDS)
    assert [entry["status"] for entry in entries] == ["success"] * 3 + ["error"]
    assert set(entries[0]) == {"application", "task_id", "status", "score", "timestamp"}


def test_of_one_value_the_spread_is_not_known() -> None:
    assert standard_error([1.0]) is None
    assert standard_error([]) is None


def test_nothing_at_all_is_summarised_too() -> None:
    assert summarise_tasks(CONFIG, [])["mean"] == 0.0
