"""What an expert could have thought, from a disturbed expert's run on a real page."""

import pytest

from agent.collect import CollectConfig, OpenCollector
from agent.errors import PolicyFailed
from agent.long_thoughts import Moment, long_thoughts, thought_of
from agent.miniwob import Job, loop_config
from agent.parser import parse
from agent.policy import Policy
from agent.prompts import NANO
from agent.workers import run_jobs
from model.train.samples import Demonstration

MOMENT = Moment(
    sentence='Click the "Ok" button.',
    ahead=('Click the "Yes" link.', "Press enter.", "Wait."),
    before="Click the tab.",
    advised="",
    unchanged=True,
    seen=('button "Ok"', 'button "No"'),
)


def no_policy(name: str) -> Policy:
    raise PolicyFailed(name)


def test_a_thought_evaluates_explores_and_plans() -> None:
    assert thought_of(MOMENT) == (
        'Last: Click the tab; nothing changed. I see button "Ok", button "No".'
        ' Plan: Click the "Ok" button; then Click the "Yes" link; then Press enter.'
    )


@pytest.fixture(scope="module")
def thought_out(tmp_path_factory: pytest.TempPathFactory) -> list[Demonstration]:
    out = tmp_path_factory.mktemp("runs")
    config = CollectConfig(out=out, noise=0.6, loop=loop_config(max_steps=6))
    jobs = [Job("click-checkboxes", seed) for seed in (3, 4)]
    list(run_jobs(jobs, OpenCollector(config, no_policy), 1))
    return list(long_thoughts(out, NANO))


def test_every_step_has_a_long_thought_and_its_action(thought_out: list[Demonstration]) -> None:
    assert len(thought_out) >= 3
    for demonstration in thought_out:
        [turn] = demonstration.conversation.turns
        parsed = parse(turn.answer)
        assert f"Plan: {parsed.sentence.rstrip('.')}" in parsed.thought
        assert len(parsed.proposals) == 1


def test_a_mistake_is_reflected_on(thought_out: list[Demonstration]) -> None:
    thoughts = [parse(d.conversation.turns[0].answer).thought for d in thought_out]
    assert any("That was wrong; right was: " in thought for thought in thoughts)
