import json
import random
from collections import Counter
from pathlib import Path

import pytest

from model.train.samples import Conversation, Demonstration, Label, LabelledPage, Turn
from model.train.sources import DemonstrationSource, PageSource


def as_json(characters: list[Label]) -> str:
    return json.dumps({"characters": characters})


def step(picture: Path, task: str, labels: str | None, prompt: str = "Do it.") -> Demonstration:
    conversation = Conversation(
        system="Look.", picture=picture, turns=(Turn(prompt, "Done."),), source=task
    )
    return Demonstration(conversation=conversation, labels=labels)


def test_a_page_is_asked_about_with_its_glyphs(page_picture: Path, characters: list[Label]) -> None:
    page = LabelledPage(picture=page_picture, labels=as_json(characters))
    conversation, glyphs = PageSource([page], num_questions=4)(random.Random(0))
    assert conversation.picture == page_picture
    assert len(conversation.turns) >= 4
    assert list(glyphs or ()) == characters


def test_empty_pages_are_passed_over(page_picture: Path, characters: list[Label]) -> None:
    pages = [
        LabelledPage(picture=page_picture, labels=as_json(found)) for found in ([], characters)
    ]
    draw = PageSource(pages, num_questions=1)
    assert all(draw(random.Random(seed))[0].turns for seed in range(8))


def test_a_step_is_followed_by_questions_about_its_screen(
    page_picture: Path, characters: list[Label]
) -> None:
    steps = [step(page_picture, "click-test", as_json(characters))]
    conversation, glyphs = DemonstrationSource(steps, num_questions=2)(random.Random(0))
    assert conversation.turns[0] == Turn("Do it.", "Done.")
    assert len(conversation.turns) >= 3
    assert list(glyphs or ()) == characters


def test_a_step_nobody_read_is_learned_alone(page_picture: Path) -> None:
    draw = DemonstrationSource([step(page_picture, "click-test", None)], num_questions=2)
    conversation, glyphs = draw(random.Random(0))
    assert len(conversation.turns) == 1
    assert glyphs is None


def test_a_task_with_many_steps_is_drawn_more_often_but_not_in_proportion(
    page_picture: Path,
) -> None:
    steps = [step(page_picture, "long", None, prompt=str(n)) for n in range(100)]
    draw = DemonstrationSource([*steps, step(page_picture, "short", None)], num_questions=1)
    rng = random.Random(0)
    drawn = Counter(draw(rng)[0].source for _ in range(550))
    assert 30 <= drawn["short"] <= 75, "1 in 11, where steps alone would make it 1 in 101"


def test_nothing_to_draw_from_is_refused() -> None:
    with pytest.raises(ValueError, match="no labelled pages"):
        PageSource([], num_questions=1)
    with pytest.raises(ValueError, match="no demonstrations"):
        DemonstrationSource([], num_questions=1)
