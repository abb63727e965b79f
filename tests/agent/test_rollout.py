"""Rollouts of the shipped network on a real page, read back from the log."""

from pathlib import Path

import pytest

from agent.miniwob import Job
from agent.policy import Policy, ScriptedPolicy
from agent.prompts import NANO
from agent.rollout import RolloutConfig, attempts, rollouts
from model.chat import ChatModel
from model.shelf import weights_folder
from model.train.samples import Attempt


def open_chat(name: str) -> Policy:
    return ChatModel.from_pretrained(weights_folder(name))


def open_silent(_name: str) -> Policy:
    return ScriptedPolicy(["Code: none"] * 9)


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> list[Attempt]:
    out = tmp_path_factory.mktemp("rollouts")
    config = RolloutConfig(out=out, model="nano", max_steps=2)
    jobs = [Job("click-test-2", 1), Job("click-test-2", 2)]
    results = list(rollouts(jobs, 3, config, open_chat, 1))
    assert len(results) == 6
    return list(attempts(out, NANO))


def test_every_problem_is_tried_so_many_times(tried: list[Attempt]) -> None:
    assert [a.problem for a in tried] == ["click-test-2/1"] * 3 + ["click-test-2/2"] * 3
    assert {a.reward for a in tried} <= {0.0, 1.0}


def test_answers_keep_what_was_sampled(tried: list[Attempt]) -> None:
    for attempt in tried:
        for answer in attempt.answers:
            assert len(answer.token_ids) == len(answer.log_probs) > 0
            assert all(log_prob <= 0 for log_prob in answer.log_probs)
            assert answer.picture.is_file()
            assert "click" in answer.prompt.lower()


def test_attempts_differ_and_can_be_had_again(tried: list[Attempt], tmp_path: Path) -> None:
    first = tried[0]
    config = RolloutConfig(out=tmp_path, model="nano", max_steps=2)
    list(rollouts([Job("click-test-2", 1)], 3, config, open_chat, 1))
    again = list(attempts(tmp_path, NANO))
    assert again[0].answers[0].token_ids == first.answers[0].token_ids
    log_probs = {attempt.answers[0].log_probs for attempt in again}
    assert len(log_probs) > 1


def test_a_policy_that_tells_no_ids_cannot_be_learned_from(tmp_path: Path) -> None:
    config = RolloutConfig(out=tmp_path, model="silent", max_steps=1)
    list(rollouts([Job("click-test-2", 1)], 1, config, open_silent, 1))
    with pytest.raises(ValueError, match="no token ids"):
        list(attempts(tmp_path, NANO))


def test_attempts_may_be_drawn_nearer_to_what_is_done_greedily(tmp_path: Path) -> None:
    config = RolloutConfig(out=tmp_path, model="nano", max_steps=1, temperature=1e-3)
    list(rollouts([Job("click-test-2", 1)], 3, config, open_chat, 1))
    found = list(attempts(tmp_path, NANO))
    assert len({attempt.answers[0].token_ids for attempt in found}) == 1
    # What is told is at 1 all the same.
    assert min(found[0].answers[0].log_probs) < -1e-6
    with pytest.raises(ValueError, match="above 0"):
        RolloutConfig(out=tmp_path, model="nano", temperature=0.0)
