from pathlib import Path

import pytest

from trajectories.reading import Step
from trajectories.schema import Intent, Observation, Outcome, RecordType, from_json
from trajectories.waterfall import PARTS, figures, waterfall


def step(
    number: int = 1,
    *,
    seconds: dict[str, float] | None = None,
    tokens: int = 0,
    prompt: int = 0,
    reused: int = 0,
) -> Step:
    observation = Observation(
        step=number,
        image="0" * 64,
        width=4,
        height=3,
        taken_at=0.0,
        capture_seconds=0.03,
        settle_seconds=0.2,
        settled=True,
    )
    intent = Intent(
        step=number,
        response="",
        thought="",
        sentence="",
        token_ids=list(range(tokens)),
        num_prompt_tokens=prompt,
        num_reused_tokens=reused,
        seconds=seconds or {},
    )
    outcome = Outcome(step=number, performed=1, act_seconds=0.01)
    return Step(observation=observation, folder=Path(), intent=intent, outcome=outcome)


def test_a_step_is_told_part_by_part_in_their_order() -> None:
    told = {"vision": 0.1, "prefill": 0.2, "decode": 0.3, "model": 0.65, "ahead": 0.4}
    fall = waterfall(step(seconds=told))
    assert tuple(fall) == PARTS
    assert list(fall.values()) == pytest.approx([0.4, 0.2, 0.03, 0.1, 0.2, 0.3, 0.05, 0.01])


def test_of_a_server_only_the_whole_answer_is_known() -> None:
    fall = waterfall(step(seconds={"model": 2.0}))
    assert (fall["decode"], fall["model"]) == (0.0, 2.0)


def test_a_step_without_an_answer_was_looked_at() -> None:
    unanswered = step()
    unanswered.intent = unanswered.outcome = None
    assert {part: spent for part, spent in waterfall(unanswered).items() if spent} == {
        "settle": 0.2,
        "capture": 0.03,
    }
    assert figures([unanswered]) is None


def test_many_steps_come_to_medians_rates_and_the_share_reused() -> None:
    steps = [
        step(
            number,
            seconds={"decode": 0.1 * number, "model": 0.1 * number},
            tokens=20,
            prompt=100,
            reused=70,
        )
        for number in range(1, 21)
    ]
    found = figures([*steps, step(21)])
    assert found is not None
    assert found.num_steps == 21
    assert found.parts["decode"] == pytest.approx((1.0, 1.9))
    assert found.step == pytest.approx((1.24, 2.14))
    assert found.tokens_per_second == pytest.approx(400 / 21)
    assert found.reused == pytest.approx(0.7)


def test_where_nothing_was_told_nothing_is_made_up() -> None:
    found = figures([step(seconds={"model": 1.0})])
    assert found is not None
    assert (found.tokens_per_second, found.reused) == (None, None)


def test_an_intent_from_before_reuse_was_told_is_read() -> None:
    old = b"""{"step":1,"response":"a","thought":"","sentence":"","proposals":[],"actions":[],
        "token_ids":[1],"log_probs":[-0.1],"num_prompt_tokens":9,"seconds":{"model":0.5}}"""
    intent = from_json(RecordType.INTENT, old)
    assert isinstance(intent, Intent)
    assert (intent.num_reused_tokens, intent.num_prepared_tokens) == (0, 0)
