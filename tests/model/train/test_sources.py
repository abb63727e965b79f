import json
import random
from collections import Counter
from pathlib import Path

import pytest

from model.train.samples import Conversation, Demonstration, Label, LabelledPage, Turn
from model.train.sources import DemonstrationSource, PageSource, without_doubles


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


def test_a_part_of_a_page_shows_its_own_glyphs_where_they_are(
    page_picture: Path, characters: list[Label]
) -> None:
    page = LabelledPage(picture=page_picture, labels=as_json(characters))
    source = PageSource([page], num_questions=4, window=56)
    for seed in range(6):
        conversation, glyphs = source(random.Random(seed))
        assert conversation.window is not None
        left, top, right, bottom = conversation.window
        assert (right - left, bottom - top) == (56, 56)
        assert glyphs
        for glyph in glyphs:
            assert 0 <= glyph.left < glyph.right <= 56
            whole = (glyph.text, glyph.left + left, glyph.top + top)
            assert whole in {(each.text, each.left, each.top) for each in characters}
        [turn] = conversation.turns
        assert turn.answer.replace(" ", "") in "".join(glyph.text for glyph in glyphs)


def test_the_same_step_counts_once(tmp_path: Path, page_picture: Path) -> None:
    elsewhere = tmp_path / "other" / page_picture.name
    steps = [
        step(page_picture, "a", None),
        # The same screen in another run's folder: named by what it shows.
        step(elsewhere, "a", None),
        step(page_picture, "a", None, prompt="Do that."),
    ]
    assert without_doubles(steps) == [steps[0], steps[2]]


def test_weak_tasks_are_drawn_more_often(page_picture: Path) -> None:
    steps = [step(page_picture, task, None) for task in ("known", "weak")]
    source = DemonstrationSource(steps, num_questions=0, task_weights={"weak": 4.0})
    rng = random.Random(0)
    drawn = Counter(source(rng)[0].source for _ in range(300))
    assert 2.5 * drawn["known"] < drawn["weak"] < 6 * drawn["known"]
