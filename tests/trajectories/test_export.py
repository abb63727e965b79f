from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from agent.action_text import action_text, finish_text
from agent.loop import Loop, LoopConfig, Score
from agent.policy import ScriptedPolicy
from agent.prompts import NANO, OPENCUA, PromptStyle, render
from env.actions import Click, Keys, Point, TypeText
from env.fake import BUTTON, FAKE_SIZE, FIELD, FakeDesktop
from model.messages import ImagePart, Message
from trajectories.export import prompts, samples
from trajectories.reading import read_run
from trajectories.store import RunStore

PRESS = action_text(
    Click(Point(*BUTTON.center)), FAKE_SIZE, words='Click the "Save" button.', thought="Save it."
)
FOCUS = action_text(Click(Point(*FIELD.center)), FAKE_SIZE, words="Click the field.")
TYPE = action_text(TypeText("Ada"), FAKE_SIZE, words='Type "Ada".')
REFUSED = action_text(Keys(("hyper",)), FAKE_SIZE, words="Press hyper.")
DONE = finish_text(True, words="Done.")


def run(
    folder: Path,
    answers: list[str],
    *,
    style: PromptStyle = NANO,
    score: float = 1.0,
    advice: list[str] | None = None,
) -> tuple[RunStore, ScriptedPolicy]:
    policy = ScriptedPolicy(answers)
    config = LoopConfig(style=style)
    advised: Iterator[str] = iter(advice or [])
    with (
        FakeDesktop() as desktop,
        RunStore.create(folder, policy="scripted", durable=False) as store,
    ):
        loop = Loop(
            policy,
            desktop,
            store,
            config,
            judge=lambda: Score(score),
            advisor=lambda: next(advised, None),
        )
        loop.run("Save Ada.", task="form", seed=1)
    return store, policy


def as_bytes(messages: list[Message]) -> list[bytes]:
    return [
        part.image.tobytes() if isinstance(part, ImagePart) else part.text.encode()
        for message in messages
        for part in message.parts
    ]


@pytest.mark.parametrize("style", [NANO, OPENCUA], ids=lambda style: style.name)
def test_prompts_from_the_log_are_the_live_ones_byte_for_byte(
    tmp_path: Path, style: PromptStyle
) -> None:
    answers = [FOCUS, "no code", TYPE, REFUSED, PRESS, DONE]
    store, policy = run(tmp_path, answers, style=style)
    (episode,) = read_run(store.folder).episodes
    again = list(prompts(episode, partial(render, style)))
    assert len(again) == len(policy.seen) == 6
    for there, here in zip(again, policy.seen, strict=True):
        assert [message.role for message in there] == [message.role for message in here]
        assert as_bytes(there) == as_bytes(list(here))


def test_a_successful_episode_teaches_every_step(tmp_path: Path) -> None:
    store, _ = run(tmp_path, [FOCUS, TYPE, DONE])
    learned = list(samples(read_run(store.folder), partial(render, NANO)))
    assert [sample.target for sample in learned] == [FOCUS, TYPE, DONE]
    assert [sample.meta.step for sample in learned] == [1, 2, 3]
    assert "Click the field." in learned[1].messages[1].text


def test_an_unsuccessful_episode_teaches_nothing(tmp_path: Path) -> None:
    store, _ = run(tmp_path, [FOCUS, DONE], score=0.0)
    assert list(samples(read_run(store.folder), partial(render, NANO))) == []


def test_advice_is_what_is_learned_even_where_it_was_not_followed(tmp_path: Path) -> None:
    store, _ = run(tmp_path, [PRESS, TYPE, DONE], score=0.0, advice=[FOCUS, TYPE, DONE])
    learned = list(samples(read_run(store.folder), partial(render, NANO)))
    assert [sample.target for sample in learned] == [FOCUS, TYPE, DONE]
    assert all(sample.meta.advised for sample in learned)


def test_advice_that_was_followed_and_failed_teaches_nothing(tmp_path: Path) -> None:
    store, _ = run(tmp_path, [FOCUS, DONE], score=0.0, advice=[FOCUS, DONE])
    assert list(samples(read_run(store.folder), partial(render, NANO))) == []


def test_a_step_without_advice_in_an_advised_episode_is_left_out(tmp_path: Path) -> None:
    store, _ = run(tmp_path, [PRESS, TYPE, DONE], advice=[FOCUS])
    learned = list(samples(read_run(store.folder), partial(render, NANO)))
    assert [sample.target for sample in learned] == [FOCUS]
