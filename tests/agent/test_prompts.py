from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from agent.action_text import action_text
from agent.loop import Loop, LoopConfig
from agent.policy import ScriptedPolicy
from agent.prompts import (
    AUTO,
    NANO,
    OPENCUA,
    OPENCUA_STEADY,
    PromptStyle,
    opening_to_come,
    render,
    style_for,
)
from env.actions import Move, Point
from env.fake import FAKE_SIZE, FakeDesktop
from model.messages import ImagePart
from trajectories.past import PastStep
from trajectories.store import RunStore


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore.create(tmp_path, policy="scripted", durable=False)


SCREEN = Image.new("RGB", (4, 3), "navy")


def past(number: int, *, error: str = "", sentence: str | None = None) -> PastStep:
    return PastStep(
        number=number,
        thought=f"Thought {number}.",
        sentence=f"Sentence {number}." if sentence is None else sentence,
        error=error,
        image=Image.new("RGB", (4, 3), (number, 0, 0)),
    )


def test_the_first_nano_prompt_is_a_picture_and_the_instruction() -> None:
    system, user = render(NANO, "Click OK.", [], SCREEN)
    assert (system.role, system.text) == ("system", "You are a GUI agent.")
    assert user.parts[0] == ImagePart(SCREEN)
    assert user.text == "# Task Instruction:\nClick OK.\n"


def test_a_nano_prompt_tells_the_last_three_sentences() -> None:
    steps = [past(number) for number in range(1, 6)]
    assert render(NANO, "Go.", steps, SCREEN)[1].text == (
        "# Task Instruction:\nGo.\n# Previous steps:\nSentence 3.\nSentence 4.\nSentence 5.\n"
    )


def test_a_step_that_changed_nothing_is_told_so() -> None:
    steps = [replace(past(1), unchanged=True), past(2)]
    assert render(NANO, "Go.", steps, SCREEN)[1].text == (
        "# Task Instruction:\nGo.\n# Previous steps:\nSentence 1. (nothing changed)\nSentence 2.\n"
    )


def test_only_the_last_error_is_told() -> None:
    steps = [past(1, error="old"), past(2, error="new", sentence="")]
    assert render(NANO, "Go.", steps, SCREEN)[1].text == (
        "# Task Instruction:\nGo.\n# Previous steps:\nSentence 1.\n# Error:\nnew\n"
    )
    assert "Error" not in render(NANO, "Go.", [past(1, error="old"), past(2)], SCREEN)[1].text


def test_opencua_joins_older_steps_and_shows_the_last_two() -> None:
    messages = render(OPENCUA, "Go.", [past(number) for number in range(1, 5)], SCREEN)
    assert [message.role for message in messages] == [
        *("system", "assistant"),
        *("user", "assistant", "user", "assistant"),
        "user",
    ]
    assert messages[1].text == (
        "# Step 1:\n## Thought:\nThought 1.\n\n## Action:\nSentence 1.\n\n"
        "# Step 2:\n## Thought:\nThought 2.\n\n## Action:\nSentence 2.\n"
    )
    assert messages[-1].text == (
        "# Task Instruction:\nGo.\n\nPlease generate the next move according to the screenshot,"
        " task instruction and previous steps (if provided).\n"
    )


def test_opencua_forgets_steps_beyond_ten() -> None:
    messages = render(OPENCUA, "Go.", [past(number) for number in range(1, 21)], SCREEN)
    told = "".join(message.text for message in messages)
    assert "# Step 10:" not in told
    assert "# Step 11:" in told


def test_steady_prompts_begin_with_the_prompt_before_until_pictures_are_let_go() -> None:
    def told(count: int) -> list[str]:
        messages = render(OPENCUA_STEADY, "Go.", [past(n) for n in range(1, count + 1)], SCREEN)
        return [f"{message.role}: {message.text}" for message in messages]

    pictures = []
    kept = 0
    for count in range(1, 30):
        before, now = told(count - 1), told(count)
        # The last message has the instruction, which moves on with the picture of now.
        kept += now[: len(before) - 1] == before[:-1]
        pictures.append(sum(line.startswith("user") for line in now))
    assert max(pictures) == OPENCUA_STEADY.most_screenshots == 8
    assert min(pictures[2:]) == 3
    assert kept >= 23
    assert sum("# Step" in line for line in told(29)) >= 3


def test_steady_prompts_show_every_picture_that_is_kept(store: RunStore) -> None:
    policy = ScriptedPolicy(
        [action_text(Move(Point(n, 9)), FAKE_SIZE, words=f"Go {n}.") for n in range(12)]
    )
    config = LoopConfig(style=OPENCUA_STEADY, max_steps=12)
    with FakeDesktop() as desktop:
        Loop(policy, desktop, store, config).run("Go.")
    shown = [sum(message.role == "user" for message in messages) for messages in policy.seen]
    assert shown == [1, 2, 3, 4, 5, 6, 7, 8, 3, 4, 5, 6]


def test_what_is_computed_ahead_is_how_the_prompt_after_pictures_are_let_go_begins() -> None:
    steps = [past(n) for n in range(1, 30)]
    assert opening_to_come(OPENCUA_STEADY, []) == []
    for count in range(1, 27):
        opening = opening_to_come(OPENCUA_STEADY, steps[:count])
        # Pictures are let go before steps 9, 15, 21, ...
        later = max(8, count + (2 - count) % 6)
        prompt = render(OPENCUA_STEADY, "Go.", steps[:later], SCREEN)
        pictures = [message for message in opening if message.role == "user"]
        assert len(pictures) == max(0, count - (later - 2))
        if pictures:
            assert prompt[: len(opening)] == opening
        else:
            assert prompt[0] == opening[0]
            assert prompt[1].text.startswith("".join(message.text for message in opening[1:]))


@pytest.mark.parametrize("style", [NANO, OPENCUA])
def test_where_every_prompt_is_another_nothing_is_computed_ahead(style: PromptStyle) -> None:
    assert not any(opening_to_come(style, [past(n) for n in range(1, k)]) for k in range(1, 12))


def test_the_same_history_gives_the_same_messages() -> None:
    steps = [past(1), past(2)]
    assert render(OPENCUA, "Go.", steps, SCREEN) == render(OPENCUA, "Go.", steps, SCREEN)


def test_a_style_not_named_is_what_the_model_learned_and_for_others_the_steady_one() -> None:
    weights = Path(__file__).parents[2] / "model" / "weights" / "nano"
    assert style_for(AUTO, "nano") == style_for(AUTO, str(weights)) == NANO
    assert style_for(AUTO, "http://127.0.0.1:8000/v1#kimi") == OPENCUA_STEADY
    assert style_for("opencua", "nano") == OPENCUA
    with pytest.raises(ValueError, match="no prompt style named 'steady'"):
        style_for("steady", "nano")
