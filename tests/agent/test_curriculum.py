import random
from collections import Counter

import pytest

from agent.curriculum import HOPELESS_TRIES, Curriculum
from model.train.samples import Attempt


def attempt(task: str, reward: float) -> Attempt:
    return Attempt(problem=f"{task}/1", task=task, reward=reward, answers=())


def drawn(curriculum: Curriculum, iteration: int = 3) -> Counter[str]:
    jobs = curriculum.draw(400, iteration, 4, 900_000, random.Random(0))
    return Counter(job.task for job in jobs)


def test_the_easier_tasks_come_first() -> None:
    tasks = [f"{place}. of eight" for place in range(1, 9)]
    curriculum = Curriculum(tasks)
    admitted = [curriculum.admitted(iteration, 4) for iteration in range(4)]
    assert admitted == [tasks[:4], tasks[:6], tasks, tasks]


def test_of_a_few_tasks_none_waits() -> None:
    tasks = ["easy", "middling", "hard"]
    assert Curriculum(tasks).admitted(0, 4) == tasks


def test_what_fails_more_often_is_tried_more_often() -> None:
    curriculum = Curriculum(["known", "shaky"])
    known = [attempt("known", 1.0)] * 8
    curriculum.saw([*known, *[attempt("shaky", n % 4 == 0) for n in range(8)]])
    found = drawn(curriculum)
    assert found["shaky"] > 4 * found["known"] > 0


def test_what_never_succeeds_is_left_to_the_experts() -> None:
    curriculum = Curriculum(["known", "hopeless"])
    tried = [attempt("hopeless", 0.0)] * HOPELESS_TRIES
    curriculum.saw([*tried, attempt("known", 1.0)])
    assert set(drawn(curriculum)) == {"known"}


def test_every_problem_has_a_seed_of_its_own() -> None:
    jobs = Curriculum(["a", "b"]).draw(50, 0, 1, 900_000, random.Random(1))
    assert sorted(job.seed for job in jobs) == list(range(900_000, 900_050))


def test_nothing_to_practise_is_refused() -> None:
    with pytest.raises(ValueError, match="no tasks"):
        Curriculum([])
