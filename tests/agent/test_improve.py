"""Rounds of improving on a real page: a policy that clicks nowhere, then one that does not."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.action_text import action_text
from agent.demonstrations import demonstrations
from agent.improve import (
    CLOCK,
    ImproveConfig,
    Improver,
    Round,
    best_of,
    problems_of,
    start_of_next,
    weakness,
)
from agent.measure import Measurer
from agent.policy import Policy, ScriptedPolicy
from agent.prompts import NANO
from agent.work_clock import WorkClock
from env.actions import Click, Point
from env.miniwob.page import TASK_SIZE
from model.train.samples import Watch

TASKS = ("click-test",)
NOWHERE = action_text(Click(Point(5, 205)), TASK_SIZE, words="Click nowhere.")


def open_policy(_name: str) -> Policy:
    def same() -> Iterator[str]:
        while True:
            yield NOWHERE

    return ScriptedPolicy(same())


class Made:
    """An improver whose training has a fixed outcome: the expert, or what clicks nowhere."""

    def __init__(self, out: Path, weights: str = "expert") -> None:
        self.out, self.weights = out, weights
        self.learned: list[int] = []
        self.said: list[str] = []
        self.seen: list[tuple[str, int]] = []
        self.stop_at: str | None = None

    def train(self, init: Path, data: Path, number: int, folder: Path) -> Path:
        assert init == Path("nowhere")
        self.learned.append(sum(1 for _ in demonstrations(data / "runs", NANO)))
        return Path(self.weights)

    def on_step(self, stage: str, num_steps: int, row: dict[str, float]) -> None:
        self.seen.append((stage, int(row["step"])))

    def stop(self) -> bool:
        return self.stop_at is not None and self.seen[-1][0].endswith(self.stop_at)

    def run(self, *, rounds: int = 1, hours: float = 0.0) -> list[Round]:
        measurer = Measurer(
            tasks=TASKS, episodes=1, seed=3, max_steps=1, workers=1, open_policy=open_policy
        )
        config = ImproveConfig(
            tasks=TASKS, rounds=rounds, episodes=2, shown=1, hours=hours, max_steps=1
        )
        with WorkClock(self.out / CLOCK).going() as clock:
            self.improver = Improver(
                config,
                self.out,
                measurer=measurer,
                open_policy=open_policy,
                train=self.train,
                clock=clock,
                say=self.said.append,
                watch=Watch(on_step=self.on_step, stop=self.stop),
            )
            return list(self.improver.run(Path("nowhere")))


def test_a_round_acts_keeps_corrections_learns_and_is_measured(tmp_path: Path) -> None:
    made = Made(tmp_path)
    start, after = made.run()
    assert (start.mean, after.mean, after.kept) == (0.0, 1.0, True)
    assert made.improver.best.weights == "expert"
    assert made.learned[0] >= 3, "what the expert showed, and its corrections of what failed"
    assert set(after.seconds) >= {"acting", "learning", "measuring"}
    told = json.loads((tmp_path / "report.json").read_text())
    assert [each["mean"] for each in told["rounds"]] == [0.0, 1.0]
    # The same command again has nothing left to do.
    assert made.run() == [start, after]
    assert len(made.learned) == 1


def test_stopped_it_goes_on_with_what_is_left_and_keeps_only_what_is_better(
    tmp_path: Path,
) -> None:
    made = Made(tmp_path, weights="nowhere-else")
    (start,) = made.run(hours=1e-9)
    assert "no time" in made.said[-1]
    made.stop_at = "acted"
    with pytest.raises(KeyboardInterrupt):
        made.run()
    assert not made.learned
    assert made.seen[-1] == ("round 1, acted", 1)
    made.stop_at, made.seen = None, []
    before, after = made.run()
    assert before == start, "measured before, it is not measured again"
    assert made.seen[0] == ("round 1, acted", 2), "shown and acted before are not again"
    assert not after.kept
    assert made.improver.best == start


def point(number: int, mean: float) -> Round:
    return Round(
        number=number, weights=str(number), mean=mean, standard_error=0.03, kept=True,
        hours=0.0, seconds={}, rates={},
    )  # fmt: skip


@pytest.mark.parametrize(("newest", "start"), [(0.28, 2), (0.2, 1)])
def test_bad_luck_with_the_seeds_does_not_cost_a_round(newest: float, start: int) -> None:
    rounds = [point(0, 0.1), point(1, 0.3), point(2, newest)]
    assert best_of(rounds).number == 1
    assert start_of_next(rounds).number == start


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
