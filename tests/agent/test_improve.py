"""Rounds of improving on a real page: a policy that clicks nowhere, then one that does not."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.action_text import action_text
from agent.demonstrations import demonstrations
from agent.improve import ImproveConfig, Improver, problems_of, weakness
from agent.measure import Measurer
from agent.policy import Policy, ScriptedPolicy
from agent.prompts import NANO
from env.actions import Click, Point
from env.miniwob.page import TASK_SIZE

TASKS = ("click-test",)
NOWHERE = action_text(Click(Point(5, 205)), TASK_SIZE, words="Click nowhere.")


def open_policy(_name: str) -> Policy:
    def same() -> Iterator[str]:
        while True:
            yield NOWHERE

    return ScriptedPolicy(same())


def improver(out: Path, learned: list[int], said: list[str], weights: str = "expert") -> Improver:
    """One whose training has a fixed outcome: the expert, or what clicks nowhere."""

    def train(init: Path, data: Path, number: int, folder: Path) -> Path:
        assert init == Path("nowhere")
        learned.append(sum(1 for _ in demonstrations(data / "runs", NANO)))
        return Path(weights)

    measurer = Measurer(
        tasks=TASKS, episodes=1, seed=3, max_steps=1, workers=1, open_policy=open_policy
    )
    config = ImproveConfig(tasks=TASKS, rounds=1, episodes=2, max_steps=1)
    return Improver(
        config, out, measurer=measurer, open_policy=open_policy, train=train, say=said.append
    )


def test_a_round_acts_keeps_corrections_learns_and_is_measured(tmp_path: Path) -> None:
    learned: list[int] = []
    said: list[str] = []
    made = improver(tmp_path, learned, said)
    start, after = made.run(Path("nowhere"))
    assert (start.mean, after.mean, after.kept) == (0.0, 1.0, True)
    assert made.best.weights == "expert"
    assert learned[0] >= 2, "the expert's corrections of episodes that failed"
    told = json.loads((tmp_path / "report.json").read_text())
    assert [each["mean"] for each in told["rounds"]] == [0.0, 1.0]
    # The same command again has nothing left to do.
    again = improver(tmp_path, learned, said)
    assert again.run(Path("nowhere")) == [start, after]
    assert len(learned) == 1


def test_what_is_no_better_is_not_kept(tmp_path: Path) -> None:
    made = improver(tmp_path, [], [], weights="nowhere-else")
    _, after = made.run(Path("nowhere"))
    assert not after.kept
    assert made.best.number == 0


def test_weak_tasks_are_played_more_and_known_ones_still_are() -> None:
    weights = weakness({"known": 1.0, "weak": 0.0}, ("known", "weak"))
    assert sum(weights.values()) == pytest.approx(2.0)
    assert weights["weak"] > 5 * weights["known"] > 0
    jobs = problems_of(weights, 10, 600_000)
    played = [job.task for job in jobs]
    assert played.count("weak") > 5 * played.count("known") > 0
    assert len({job.seed for job in jobs}) == len(jobs)


def test_impossible_plans_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        ImproveConfig(tasks=TASKS, rounds=0)
    with pytest.raises(ValueError, match="evaluations"):
        ImproveConfig(tasks=TASKS, first_seed=999_999)
