"""What is learned is what is asked: a logged step as tensors, against the live prompt's."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

from agent.action_text import action_text, finish_text
from agent.demonstrations import demonstrations, exported_demonstrations, texts_by_task
from agent.loop import Loop, LoopConfig, Score
from agent.policy import ScriptedPolicy
from agent.prompts import NANO, OPENCUA_STEADY, PromptStyle, render
from env.actions import Click, Point, TypeText
from env.fake import BUTTON, FAKE_SIZE, FIELD, FakeDesktop
from model.images import ImageProcessor
from model.processor import Processor
from model.tokenizer import Tokenizer
from model.train.batches import padded
from model.train.documents import Reader, names_of, opened
from model.train.samples import labels_from
from model.train.vocabulary import train_ranks
from trajectories.errors import RunNotFound
from trajectories.export import samples
from trajectories.formats.sample_files import plain, write_jsonl
from trajectories.reading import read_runs
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


def test_an_export_teaches_what_the_log_does(tmp_path: Path) -> None:
    style = replace(OPENCUA_STEADY, num_screenshots=2, spare_screenshots=0)
    played(tmp_path / "runs", style)
    [run] = read_runs(tmp_path / "runs")
    lines = [plain(sample) for sample in samples(run, partial(render, style))]
    (tmp_path / "set").mkdir()
    write_jsonl(lines, tmp_path / "set" / "train.jsonl")
    exported = [e.conversation for e in exported_demonstrations(tmp_path / "set" / "train.jsonl")]
    logged = [each.conversation for each in demonstrations(tmp_path / "runs", style)]
    assert [each.turns for each in exported] == [each.turns for each in logged]
    for one, other in zip(exported, logged, strict=True):
        assert [told.said for told in one.history] == [told.said for told in other.history]
        shown = [[opened(*name) for name in names_of(each)] for each in (one, other)]
        assert [a.tobytes() for a in shown[0]] == [b.tobytes() for b in shown[1]]
    assert [sum(told.picture is not None for told in each.history) for each in logged] == [
        0,
        1,
        1,
        1,
    ]
    assert logged[-1].history[0].picture is None, "the oldest are told in words alone"


def test_a_prompt_that_none_of_our_styles_makes_is_refused(tmp_path: Path) -> None:
    text = {"type": "text", "text": "Hello."}
    line = {"messages": [{"role": role, "content": [text]} for role in ("system", "assistant")]}
    (tmp_path / "train.jsonl").write_text(json.dumps(line) + "\n")
    with pytest.raises(ValueError, match="expected a system text, earlier steps"):
        list(exported_demonstrations(tmp_path / "train.jsonl"))


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
