import json
from pathlib import Path

import pytest
from PIL import Image

from agent.cot import CotConfig, ThoughtWriter, patch, ringed
from agent.errors import PolicyFailed
from agent.policy import ScriptedPolicy
from model.messages import ImagePart, Message, Sampling
from tests.trajectories.conftest import ANSWERS, MakeRun, make_run
from trajectories.reading import read_run
from trajectories.thoughts import read_thoughts

__all__ = ["make_run"]

EXPLAINED = "## Observation:\nA form.\n## Thought:\nThe name is missing.\n## Action:\nClick it."
GOOD = json.dumps(
    {"last_step_correct": True, "last_step_redundant": False, "reflection": "It has the focus."}
)
BAD = json.dumps(
    {"last_step_correct": False, "last_step_redundant": False, "reflection": "Nothing happened."}
)
SUMMARY = json.dumps(
    {
        "task_completed": True,
        "alignment_score": 8,
        "efficiency_score": 7,
        "task_difficulty": 1,
        "reason": "Fine.",
        "actual_task": "Saves Ada.",
        "natural_language_task": "Please save Ada.",
    }
)
CONFIG = CotConfig(sampling=Sampling(), tries=2)


def num_images(messages: list[Message]) -> int:
    return sum(isinstance(part, ImagePart) for message in messages for part in message.parts)


def write(folder: Path, answers: list[str]) -> ScriptedPolicy:
    policy = ScriptedPolicy(answers)
    list(ThoughtWriter(policy, CONFIG).write(read_run(folder)))
    return policy


def test_every_step_is_explained_judged_and_the_whole_summed_up(make_run: MakeRun) -> None:
    folder = make_run([ANSWERS[0], ANSWERS[1], ANSWERS[-1]])
    policy = write(folder, [EXPLAINED, GOOD, EXPLAINED, BAD, EXPLAINED, SUMMARY])
    thoughts = read_thoughts(folder)
    assert sorted(thoughts.steps) == [(0, 1), (0, 2), (0, 3)]
    assert thoughts.steps[0, 1].reflection == "It has the focus."
    # Of the last step nothing was seen afterwards.
    assert (thoughts.steps[0, 3].last_step_correct, thoughts.steps[0, 3].reflection) == (True, "")
    assert thoughts.tasks[0].alignment_score == 8
    generator, reflector, typing, _, after_mistake, summarizer = policy.seen
    # A click is shown with a close-up, typing without; the reflector sees the next screen.
    assert [num_images(list(asked)) for asked in (generator, reflector, typing)] == [2, 2, 1]
    assert num_images(list(summarizer)) == 0
    assert "judged a mistake" not in typing[-1].text
    assert "judged a mistake" in after_mistake[-1].text
    assert "What the last step changed: Nothing happened." in after_mistake[-1].text
    assert "$5" in typing[-1].text


def test_an_interrupted_writing_goes_on_where_it_stopped(make_run: MakeRun) -> None:
    folder = make_run([ANSWERS[0], ANSWERS[-1]])
    with pytest.raises(PolicyFailed):
        write(folder, [EXPLAINED, GOOD])
    assert sorted(read_thoughts(folder).steps) == [(0, 1)]
    policy = write(folder, [EXPLAINED, SUMMARY])
    assert len(policy.seen) == 2
    assert write(folder, []).seen == []


def test_an_answer_that_cannot_be_read_is_asked_for_again_and_then_given_up(
    make_run: MakeRun,
) -> None:
    folder = make_run([ANSWERS[-1]])
    write(folder, ["what?", EXPLAINED, '{"task_completed": "perhaps"}', SUMMARY])
    assert read_thoughts(folder).tasks[0].task_completed
    other = make_run([ANSWERS[-1]])
    with pytest.raises(PolicyFailed, match="in 2 tries: a section is missing"):
        write(other, ["what?", "what?"])


def test_the_ring_is_red_and_the_close_up_stays_on_the_screen() -> None:
    marked = ringed(Image.new("RGB", (1000, 800)), [(100, 100)])
    assert marked.getpixel((100 + 19, 100)) == (255, 0, 0)
    assert marked.getpixel((100 + 10, 100)) == (0, 0, 0)
    assert patch(marked, (0, 799)).size == (300, 300)
    assert patch(Image.new("RGB", (160, 210)), (5, 5)).size == (160, 210)
