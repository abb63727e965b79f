import random
import re
from pathlib import Path

from model.train.questions import MAX_ANSWER_CHARACTERS, ask, words_of
from model.train.samples import Label

SIZE = (140, 140)


def test_neighbouring_glyphs_are_words(characters: list[Label]) -> None:
    words = words_of(characters)
    assert [word.text for word in words] == ["Submit", "Vel", "kV", "no", "42"]
    assert words[0] == Label("Submit", 20, 20, 56, 30)


def test_a_gap_or_a_new_line_ends_a_word() -> None:
    row = [Label("a", 0, 0, 6, 10), Label("b", 6.5, 1, 12, 11), Label("c", 15, 0, 20, 10)]
    below = [Label("d", 20, 12, 26, 22)]
    assert [word.text for word in words_of([*row, *below])] == ["ab", "c", "d"]


def test_every_question_is_answered_by_the_page(
    page_picture: Path, characters: list[Label]
) -> None:
    places = {word.text: word.center for word in words_of(characters)}
    asked = set()
    for seed in range(30):
        made = ask(page_picture, SIZE, {"characters": characters}, random.Random(seed), 3)
        assert made is not None
        asking = [turn for turn in made.turns if not turn.prompt.startswith("Read from")]
        assert len(asking) == 3
        assert len({turn.prompt for turn in asking}) == 3
        for turn in asking:
            asked.add(turn.prompt)
            where = re.fullmatch(r'Where is "(.*)"\?', turn.prompt)
            text = where[1] if where else turn.answer
            point = turn.answer if where else turn.prompt.removeprefix("What is at ").strip("?")
            x, y = places[text]
            assert point == f"x={x / 140:.2f}, y={y / 140:.2f}"
    assert len(asked) == 10, "each of the five words both ways"


def test_reading_aloud_goes_on_from_a_word_in_the_order_of_the_page(
    page_picture: Path, characters: list[Label]
) -> None:
    words = words_of(characters)
    starts = {f"Read from x={w.center[0] / 140:.2f}, y={w.center[1] / 140:.2f}.": w for w in words}
    read = set()
    for seed in range(40):
        made = ask(page_picture, SIZE, {"characters": characters}, random.Random(seed), 0)
        for turn in made.turns if made else ():
            start = words.index(starts[turn.prompt])
            assert turn.answer == " ".join(word.text for word in words[start:])
            read.add(turn.prompt)
    assert read == starts.keys()


def test_the_same_generator_asks_the_same(page_picture: Path, characters: list[Label]) -> None:
    labels = {"characters": characters}
    one, other = (ask(page_picture, SIZE, labels, random.Random(7), 4) for _ in range(2))
    assert one == other


def test_widgets_are_asked_about_in_words(page_picture: Path) -> None:
    labels = {"characters": [], "widgets": [Label('button "Submit"', 10, 10, 50, 24)]}
    made = ask(page_picture, SIZE, labels, random.Random(1), 4)
    assert made is not None
    (turn,) = made.turns
    assert 'button "Submit"' in turn.prompt + turn.answer
    assert "x=0.21, y=0.12" in turn.prompt + turn.answer


def test_what_is_there_twice_or_is_too_long_is_not_asked(page_picture: Path) -> None:
    twice = [Label("a", 0, 0, 5, 10), Label("a", 50, 50, 55, 60)]
    long = Label("w" * (MAX_ANSWER_CHARACTERS + 1), 0, 80, 140, 90)
    labels = {"characters": twice, "widgets": [long]}
    assert ask(page_picture, SIZE, labels, random.Random(0), 3) is None


def test_points_stay_below_one(page_picture: Path) -> None:
    labels = {"characters": [Label("a", 136, 136, 144, 144)]}
    made = ask(page_picture, SIZE, labels, random.Random(0), 1)
    assert made is not None
    assert "x=0.99, y=0.99" in made.turns[0].prompt + made.turns[0].answer
