"""Practice of the shipped network on a real page; learning hands on the weights it was given."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from agent.measure import Measurer
from agent.policy import Policy
from agent.practice import PracticeConfig, practise
from model.chat import ChatModel
from model.shelf import weights_folder
from model.train.samples import Attempt

PRACTISED, ELSEWHERE = ("click-test-2",), ("click-test",)


def open_chat(name: str) -> Policy:
    return ChatModel.from_pretrained(weights_folder(name))


class Practice:
    """Keeps what was to be learned from."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.learned: list[tuple[list[Attempt], list[Attempt]]] = []
        self.said: list[str] = []

    def learn(
        self, init: Path, tried: Sequence[Attempt], held: Sequence[Attempt], _: int, out: Path
    ) -> dict[str, float]:
        self.learned.append((list(tried), list(held)))
        out.symlink_to(init)
        return {"reward": sum(attempt.reward for attempt in tried) / len(tried)}

    def run(self) -> Path:
        measurer = Measurer(
            tasks=(*PRACTISED, *ELSEWHERE),
            episodes=1,
            seed=3,
            max_steps=1,
            workers=1,
            open_policy=open_chat,
        )
        return practise(
            PracticeConfig(
                tasks=PRACTISED, iterations=1, problems=1, attempts=2, held=2, max_steps=1
            ),
            weights_folder("nano"),
            self.out,
            elsewhere=ELSEWHERE,
            measurer=measurer,
            open_policy=open_chat,
            learn=self.learn,
            say=self.said.append,
        )


def test_an_iteration_learns_from_tries_and_holds_what_is_done_elsewhere(tmp_path: Path) -> None:
    practice = Practice(tmp_path)
    # As good as before is not better: the weights it began with are kept.
    assert practice.run() == weights_folder("nano")
    ((tried, held),) = practice.learned
    assert [attempt.problem for attempt in tried] == ["click-test-2/900000"] * 2
    assert [attempt.problem for attempt in held] == ["click-test/900001", "click-test/900002"]
    assert "reward" in practice.said[0]
    report = json.loads((tmp_path / "report.json").read_text())
    assert set(report["per_task"]) == {*PRACTISED, *ELSEWHERE}
    # The same command again has nothing left to do.
    practice.run()
    assert len(practice.learned) == 1


def test_problems_that_evaluations_have_are_refused() -> None:
    with pytest.raises(ValueError, match="evaluations have others"):
        PracticeConfig(tasks=PRACTISED, first_seed=999_900, held=100)
