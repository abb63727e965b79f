import random

import pytest

from model.images import ImageProcessor
from model.tokenizer import Tokenizer
from model.train.batches import padded
from model.train.copying import CopySource
from model.train.documents import Reader, Tokens, copied

WORDS = ("quisque", "vel", "submit")


def test_the_same_seed_asks_the_same() -> None:
    source = CopySource(WORDS)
    assert source(random.Random(5)) == source(random.Random(5))


@pytest.mark.parametrize("seed", range(40))
def test_every_answer_stands_in_what_was_said_before_but_for_its_case(seed: int) -> None:
    conversation, labels = CopySource(WORDS)(random.Random(seed))
    assert conversation.picture is None
    assert labels is None
    said = ""
    for turn in conversation.turns:
        said += turn.prompt + "\n"
        wording = {"Click", "Drag", "Type", "The", "Not", "the", "to", "place", "into", "pyautogui"}
        rest = {"button", "link", "checkbox", "text", "field", "email", "by", "box", "yet", "1"}
        for word in turn.answer.replace("pyautogui.write('", "").replace("')", "").split():
            bare = word.strip('".,')
            assert bare in wording | rest or bare.lower() in said.lower()
        said += turn.answer + "\n"


def test_a_row_of_text_alone_makes_a_batch_without_patches(tokenizer: Tokenizer) -> None:
    row = CopySource(WORDS)(random.Random(1))
    read = Reader(tokenizer, ImageProcessor())
    batch = padded([read(*row), read(*row)])
    assert batch.pixel_values is None
    assert batch.grids == []
    assert len(batch.glyphs_NS) == 0
    assert batch.copies
    for _, position, source in batch.copies:
        row_ids = batch.input_ids_BT[0]
        assert row_ids[source] == row_ids[position + 1]
        assert row_ids[source - 1] == row_ids[position]


def test_a_repeated_run_points_at_its_own_place_in_the_prompt() -> None:
    #       a  b  c  d  a  b  e |a  b  e
    ids = [10, 1, 2, 3, 10, 1, 9, 10, 1, 9]
    learned = [False] * 7 + [True] * 3
    assert copied(Tokens(ids, learned)) == [(7, 5), (8, 6)]


def test_of_two_places_with_the_same_past_the_longer_past_is_meant() -> None:
    ids = [7, 1, 2, 5, 8, 1, 2, 6, 7, 1, 2, 5]
    learned = [False] * 8 + [True] * 4
    assert copied(Tokens(ids, learned)) == [(8, 1), (9, 2), (10, 3)]


def test_what_the_prompt_does_not_hold_is_no_copy() -> None:
    assert copied(Tokens([1, 2, 3, 4], [False, False, True, True])) == []
