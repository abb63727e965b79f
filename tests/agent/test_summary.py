import pytest

from agent.evaluate import EpisodeRecord, EvalConfig
from agent.summary import seconds_per_step, summarise

CONFIG = EvalConfig(model="nano")


def episode(task: str, reward: float | None, *, steps: int = 2, seed: int = 0) -> EpisodeRecord:
    return EpisodeRecord(
        task=task,
        seed=seed,
        raw_reward=reward,
        success=reward is not None and reward > 0,
        strict=reward is not None and reward >= 0.8,
        ending="DESKTOP_LOST" if reward is None else "ENVIRONMENT_OVER",
        num_steps=steps,
        reason="",
        seconds={"capture": 0.2, "settle": 0.4, "model": 1.0, "act": 0.4, "total": 9.0},
        run="run-01",
    )


def test_the_mean_is_over_tasks_not_over_episodes() -> None:
    summary = summarise(CONFIG, [episode("a", 1.0), episode("b", 0.0), episode("b", -1.0)])
    assert summary["mean"] == 0.5
    assert summary["tasks_at_80_percent"] == 1


def test_a_part_of_the_reward_is_a_success_but_not_strict() -> None:
    row = summarise(CONFIG, [episode("a", 0.5), episode("a", 1.0)])["per_task"]["a"]
    assert (row["success"], row["strict"], row["mean_raw_reward"]) == (1.0, 0.5, 0.75)


def test_a_lost_screen_counts_in_no_mean() -> None:
    summary = summarise(CONFIG, [episode("a", 1.0), episode("a", None)])
    assert (summary["mean"], summary["unscored"], summary["episodes"]) == (1.0, 1, 1)
    assert summary["endings"] == {"ENVIRONMENT_OVER": 1, "DESKTOP_LOST": 1}


def test_the_standard_error_is_that_of_seeds_with_the_tasks_fixed() -> None:
    half = [episode("a", 1.0), episode("a", -1.0)] * 2
    sure = [episode("b", 1.0)] * 4
    # sqrt(0.25 / 3 + 0) / 2 tasks
    assert summarise(CONFIG, half + sure)["standard_error"] == pytest.approx(0.1443, abs=1e-4)
    assert summarise(CONFIG, half[:1])["standard_error"] is None


def test_a_step_is_what_its_parts_took() -> None:
    assert seconds_per_step([episode("a", 1.0), episode("a", 1.0)]) == {
        "step": 1.0,
        "capture": 0.1,
        "settle": 0.2,
        "model": 0.5,
        "act": 0.2,
    }


def test_nothing_run_is_nothing_claimed() -> None:
    summary = summarise(CONFIG, [])
    assert (summary["mean"], summary["standard_error"], summary["seconds_per_step"]) == (
        0,
        None,
        {},
    )
