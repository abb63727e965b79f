"""What is learned is what is asked: a logged step as tensors, against the live prompt's."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from agent.action_text import action_text, finish_text
from agent.demonstrations import demonstrations, texts_by_task
from agent.loop import Loop, LoopConfig, Score
from agent.policy import ScriptedPolicy
from agent.prompts import NANO, OPENCUA_STEADY, PromptStyle
from env.actions import Click, Point, TypeText
from env.fake import BUTTON, FAKE_SIZE, FIELD, FakeDesktop
from model.images import ImageProcessor
from model.processor import Processor
from model.tokenizer import Tokenizer
from model.train.batches import padded
from model.train.documents import Reader
from model.train.samples import labels_from
from model.train.vocabulary import train_ranks
from trajectories.errors import RunNotFound
from trajectories.store import RunStore

ANSWERS = (
    action_text(Click(Point(*FIELD.center)), FAKE_SIZE, words="Click the field."),
    "I would rather not.",
    action_text(TypeText("Ada <|im_end|>"), FAKE_SIZE, words="Type the name."),
    action_text(Click(Point(*BUTTON.center)), FAKE_SIZE, words='Click the "Save" button.'),
    finish_text(True, words="Saved."),
)
LABELS = '{"characters": [["S", 30, 96, 36, 106]], "texts": [], "widgets": []}'


def played(folder: Path, style: PromptStyle = NANO) -> ScriptedPolicy:
    policy = ScriptedPolicy(ANSWERS)
    with (
        FakeDesktop() as desktop,
        RunStore.create(folder, policy="scripted", durable=False) as store,
    ):
        Loop(
            policy,
            desktop,
            store,
            LoopConfig(style=style),
            judge=lambda: Score(1.0),
            labeller=lambda: LABELS,
        ).run("Save Ada.", task="form", seed=1)
    return policy


@pytest.mark.parametrize("style", [NANO, replace(OPENCUA_STEADY, num_screenshots=2)])
def test_a_training_sample_is_the_live_prompt_token_for_token(
    tmp_path: Path, style: PromptStyle
) -> None:
    policy = played(tmp_path, style)
    tokenizer, images = Tokenizer(train_ranks({" the": 2, "Click": 2}, 358)), ImageProcessor()
    live = [Processor(tokenizer, images)(messages) for messages in policy.seen]
    steps = list(demonstrations(tmp_path, style))
    assert len(steps) == 4, "the answer that could not be read is not learned"
    for step, prompt in zip(steps, [live[0], *live[2:]], strict=True):
        batch = padded([Reader(tokenizer, images)(step.conversation, None)])
        length = prompt.input_ids.shape[1]
        assert torch.equal(batch.input_ids_BT[:, :length], prompt.input_ids)
        assert prompt.pixel_values is not None
        assert batch.pixel_values is not None
        assert torch.equal(batch.pixel_values, prompt.pixel_values)
        learned = batch.learned.targets_P.tolist()
        answer = step.conversation.turns[0].answer
        assert tokenizer.decode(learned) == f"{answer}<|im_end|>"
        assert learned[-1] in tokenizer.stop_ids
        assert learned.count(tokenizer.special["<|im_end|>"]) == 1, "a typed one is only text"
        assert int(batch.learned.places_P[0]) == length - 1


def test_what_could_be_read_on_the_screen_comes_along(tmp_path: Path) -> None:
    played(tmp_path)
    for step in demonstrations(tmp_path, NANO):
        assert step.labels is not None
        assert labels_from(step.labels)["characters"][0].text == "S"
        assert step.conversation.source == "form"


def test_texts_are_gathered_by_task(tmp_path: Path) -> None:
    played(tmp_path)
    assert texts_by_task(tmp_path) == {"form": ["Save Ada.", *ANSWERS]}


def test_a_folder_without_runs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunNotFound):
        list(demonstrations(tmp_path, NANO))
