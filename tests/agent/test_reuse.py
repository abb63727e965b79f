"""A whole episode, computed once with all that is kept between prompts and once anew."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from agent.action_text import action_text
from agent.loop import Loop, LoopConfig
from agent.prompts import NANO, OPENCUA_STEADY, PromptStyle
from env.actions import Action, Click, Drag, Point, Scroll, TypeText
from env.fake import BUTTON, CHECK_BOX, FAKE_SIZE, FIELD, LIST, SLIDER, FakeDesktop
from model.chat import ChatModel
from model.generate import Shortcuts
from model.images import ImageProcessor
from model.kimi_vl import KimiVL
from model.messages import Completion, Message, OnText, Sampling
from model.processor import Processor
from model.shelf import weights_folder
from trajectories.reading import read_run
from trajectories.store import RunStore

NUM_STEPS = 10


@pytest.fixture(scope="module")
def nano() -> ChatModel:
    return ChatModel.from_pretrained(weights_folder("nano"))


class Led:
    """Asks one network twice, with and without what is kept, and then does what was prepared."""

    def __init__(self, nano: ChatModel, actions: Sequence[Action]) -> None:
        network: KimiVL = nano.network
        # Small pictures, or it would take a minute; the words of a prompt are what they are.
        processor = Processor(nano.processor.tokenizer, ImageProcessor(in_token_limit=160))
        bare = Shortcuts(prefix=False, features=False, forced=False, guesses=False)
        self.network, self.anew = ChatModel(network, processor), ChatModel(network, processor, bare)
        self.told: list[Completion] = []
        self.expected: list[Completion] = []
        self._actions = iter(actions)

    def complete(
        self, messages: Sequence[Message], *, sampling: Sampling, on_text: OnText | None = None
    ) -> Completion:
        self.told.append(self.network.complete(messages, sampling=sampling))
        self.expected.append(self.anew.complete(messages, sampling=sampling))
        answer = action_text(next(self._actions), FAKE_SIZE, words="Go on.", thought="It changed.")
        return replace(self.told[-1], text=answer)

    def prepare(self, messages: Sequence[Message]) -> None:
        self.network.prepare(messages)


def actions() -> list[Action]:
    """Each changes the screen."""
    at = [Point(*box.center) for box in (FIELD, CHECK_BOX, BUTTON, LIST)]
    slider = [
        Drag(Point(SLIDER.left + n, 218), Point(SLIDER.left + n + 12, 218))
        for n in range(0, 200, 12)
    ]
    made: list[Action] = []
    for number in range(NUM_STEPS):
        made.append(
            (
                Click(at[0]),
                TypeText(f"line {number}"),
                Click(at[1]),
                slider[number],
                Scroll(at[3], -1),
            )[number % 5]
        )
    return made


def played(nano: ChatModel, style: PromptStyle, folder: Path) -> Led:
    led = Led(nano, actions())
    config = LoopConfig(
        style=style, max_steps=NUM_STEPS, sampling=Sampling(max_new_tokens=4), look_again=0
    )
    with FakeDesktop() as desktop, RunStore.create(folder, policy="led", durable=False) as store:
        Loop(led, desktop, store, config).run("Work the form.")
    (episode,) = read_run(store.folder).episodes
    assert len(episode.steps) == NUM_STEPS
    assert [step.intent and step.intent.num_reused_tokens for step in episode.steps] == [
        completion.num_reused_tokens for completion in led.told
    ]
    return led


def test_a_steady_episode_prefills_a_third_of_its_prompts_and_is_answered_alike(
    nano: ChatModel, tmp_path: Path
) -> None:
    led = played(nano, OPENCUA_STEADY, tmp_path)
    for kept, anew in zip(led.told, led.expected, strict=True):
        assert kept.token_ids == anew.token_ids
        assert kept.log_probs == pytest.approx(anew.log_probs, abs=1e-3)
        assert kept.num_prompt_tokens == anew.num_prompt_tokens
        assert anew.num_reused_tokens == 0
    shares = [1 - each.num_reused_tokens / each.num_prompt_tokens for each in led.told]
    assert max(shares[4:]) <= 0.35, shares
    # With what is computed ahead for a later prompt, which is told with the answer after it.
    work = [
        (now.num_prompt_tokens - now.num_reused_tokens + after.num_prepared_tokens)
        / now.num_prompt_tokens
        for now, after in pairwise(led.told)
    ]
    assert max(work[4:]) <= 0.35, work
    assert sum(each.num_prepared_tokens for each in led.told) > 400


def test_where_every_prompt_is_another_the_answers_are_alike_too(
    nano: ChatModel, tmp_path: Path
) -> None:
    led = played(nano, NANO, tmp_path)
    assert [each.token_ids for each in led.told] == [each.token_ids for each in led.expected]
    assert all(each.num_reused_tokens for each in led.told[1:])
    assert not any(each.num_prepared_tokens for each in led.told)
