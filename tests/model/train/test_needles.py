import json
import random
from pathlib import Path

import pytest
from PIL import Image

from model.tokenizer import Tokenizer
from model.train.needles import NeedleSource, ScreenNeedleSource
from model.train.samples import LabelledPage


@pytest.mark.parametrize("seed", range(10))
def test_every_answer_stands_once_in_the_text(seed: int) -> None:
    source = NeedleSource(("vel", "ut", "quam"), most_tokens=1000)
    conversation, labels = source(random.Random(seed))
    assert labels is None
    text = conversation.turns[0].prompt
    for turn in conversation.turns:
        assert text.count(turn.answer) == 1
        name = turn.prompt.removeprefix(text.rsplit("\n", 1)[0]).strip().split()[-1].rstrip("?")
        assert f"number of {name} is" in turn.answer


def test_long_texts_are_about_as_long_as_they_may_be(tokenizer: Tokenizer) -> None:
    source = NeedleSource(("vel", "ut", "quam"), most_tokens=2000)
    lengths = [len(source(random.Random(seed))[0].turns[0].prompt) for seed in range(60)]
    assert max(lengths) > 5 * min(lengths)


def test_half_of_the_far_texts_are_longer_than_a_quarter_of_the_longest() -> None:
    source = NeedleSource(("vel", "ut", "quam"), most_tokens=2000, far=True)
    lengths = [len(source(random.Random(seed))[0].turns[0].prompt) for seed in range(60)]
    assert sum(length > max(lengths) / 4 for length in lengths) >= 30


def page(folder: Path, name: str, word: str) -> LabelledPage:
    Image.new("RGB", (40, 40), "white").save(folder / name)
    glyphs = [[letter, 6 * place, 10, 6 * place + 6, 20] for place, letter in enumerate(word)]
    return LabelledPage(picture=folder / name, labels=json.dumps({"characters": glyphs}))


def test_a_word_is_on_the_screen_that_is_named(tmp_path: Path) -> None:
    words = ("alpha", "beta", "gamma")
    pages = [page(tmp_path, f"{word}.png", word) for word in words]
    source = ScreenNeedleSource(pages, most_screens=3)
    for seed in range(8):
        conversation, glyphs = source(random.Random(seed))
        assert conversation.picture is not None
        shown = [*conversation.earlier, conversation.picture]
        [turn] = conversation.turns
        place = int(turn.answer.removeprefix("Screen ").rstrip("."))
        assert shown[place - 1].stem in turn.prompt
        assert glyphs is not None
        assert "".join(glyph.text for glyph in glyphs) == conversation.picture.stem


def test_too_few_pages_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 2"):
        ScreenNeedleSource([page(tmp_path, "a.png", "a")], most_screens=2)
