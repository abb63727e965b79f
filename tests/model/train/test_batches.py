from pathlib import Path

import pytest
import torch
from PIL import Image

from model.images import ImageProcessor
from model.messages import assistant, system, user
from model.tokenizer import Tokenizer
from model.train.batches import Batch, padded
from model.train.documents import ASKED_TOKENS, Reader, tokenize
from model.train.glyphs import NOTHING
from model.train.samples import Conversation, Label, Turn
from model.train.vocabulary import FIRST_PAIR_OF_DIGITS


def picture(folder: Path, width: int, height: int) -> Path:
    path = folder / f"{width}x{height}.png"
    Image.new("RGB", (width, height), "white").save(path)
    return path


def asked(path: Path, *turns: tuple[str, str]) -> Conversation:
    return Conversation(
        system="Look.", picture=path, turns=tuple(Turn(*turn) for turn in turns), source="task"
    )


def collated(tokenizer: Tokenizer, *rows: Conversation) -> Batch:
    read = Reader(tokenizer, ImageProcessor())
    return padded([read(row, None) for row in rows])


def test_answers_and_their_end_tokens_are_learned_and_nothing_else(tokenizer: Tokenizer) -> None:
    messages = [system("Be brief."), user("Where?"), assistant("Here."), user("<|im_end|>")]
    tokens = tokenize([*messages, assistant("No.")], tokenizer)
    learned = [t for t, is_learned in zip(*tokens, strict=True) if is_learned]
    assert tokenizer.decode(learned) == "Here.<|im_end|>No.<|im_end|>"


def test_the_target_of_a_token_is_the_next_one(tokenizer: Tokenizer, tmp_path: Path) -> None:
    batch = collated(tokenizer, asked(picture(tmp_path, 28, 28), ("Where?", "Here.")))
    places, targets, _ = batch.learned
    assert torch.equal(targets, batch.input_ids_BT[0][places + 1])
    assert tokenizer.decode(targets.tolist()) == "Here.<|im_end|>"
    first = int(places[0])
    assert batch.input_ids_BT[0, first] == tokenizer.special["<|im_middle|>"]


def test_shorter_rows_are_padded_and_the_padding_teaches_nothing(
    tokenizer: Tokenizer, tmp_path: Path
) -> None:
    path = picture(tmp_path, 28, 28)
    short, long = asked(path, ("a", "b")), asked(path, ("a", "b"), ("and", "a longer answer"))
    batch = collated(tokenizer, short, long)
    alone = collated(tokenizer, short)
    length = alone.input_ids_BT.shape[1]
    assert torch.equal(batch.input_ids_BT[0, :length], alone.input_ids_BT[0])
    of_the_first = batch.learned.places_P < batch.input_ids_BT.shape[1]
    assert torch.equal(batch.learned.places_P[of_the_first], alone.learned.places_P)
    assert int(alone.learned.places_P.max()) < length - 1


# 84 x 56 pixels are 3 x 2 picture tokens of 28 pixels.
@pytest.mark.parametrize(
    ("x", "y", "place"),
    [
        ("0.00", "0.00", 0),
        ("0.33", "0.00", 0),
        ("0.34", "0.00", 1),
        ("0.50", "0.90", 4),
        ("0.99", "0.99", 5),
        ("0.70", "0.49", 2),
        ("0.70", "0.50", 5),
    ],
)
def test_pointers_name_the_picture_token_that_holds_the_point(
    tokenizer: Tokenizer, tmp_path: Path, x: str, y: str, place: int
) -> None:
    answer = f"pyautogui.click(x={x}, y={y})"
    batch = collated(tokenizer, asked(picture(tmp_path, 84, 56), ("Click.", answer)))
    first = batch.input_ids_BT[0].tolist().index(tokenizer.special["<|media_pad|>"])
    assert [pointer.picture_token for pointer in batch.pointers] == [first + place] * 2
    for pointer, decimals in zip(batch.pointers, (x, y), strict=True):
        target = int(batch.input_ids_BT[pointer.row, pointer.position + 1])
        assert target == FIRST_PAIR_OF_DIGITS + int(decimals[2:])
    points = batch.learned.places_P[batch.learned.is_coordinate_P]
    assert points.tolist() == [pointer.position for pointer in batch.pointers]


def test_pictures_of_several_sizes_share_a_batch(tokenizer: Tokenizer, tmp_path: Path) -> None:
    rows = [
        asked(picture(tmp_path, 28, 28), ("Where?", "x=0.10, y=0.10")),
        asked(picture(tmp_path, 84, 56), ("Where?", "x=0.99, y=0.99")),
    ]
    batch = collated(tokenizer, *rows)
    assert [tuple(grid) for grid in batch.grids] == [(2, 2), (4, 6)]
    assert batch.pixel_values is not None
    assert batch.pixel_values.shape[0] == 4 + 24
    assert [use.picture for use in batch.uses] == batch.shown == [0, 1]
    first = batch.input_ids_BT[1].tolist().index(tokenizer.special["<|media_pad|>"])
    assert [(p.row, p.picture_token - first) for p in batch.pointers[2:]] == [(1, 5), (1, 5)]


def test_points_that_only_the_question_names_are_not_learned(
    tokenizer: Tokenizer, tmp_path: Path
) -> None:
    row = asked(picture(tmp_path, 28, 28), ("What is at x=0.50, y=0.50?", "button"))
    assert collated(tokenizer, row).pointers == []


def test_an_edge_of_one_teaches_by_its_tokens_alone(tokenizer: Tokenizer, tmp_path: Path) -> None:
    row = asked(picture(tmp_path, 28, 28), ("Where?", "x=1.00, y=0.50"))
    assert collated(tokenizer, row).pointers == []


def test_a_drag_has_four_pointers(tokenizer: Tokenizer, tmp_path: Path) -> None:
    answer = "moveTo(x=0.10, y=0.10)\ndragTo(x=0.90, y=0.90)"
    batch = collated(tokenizer, asked(picture(tmp_path, 56, 56), ("Drag.", answer)))
    first = batch.input_ids_BT[0].tolist().index(tokenizer.special["<|media_pad|>"])
    assert [pointer.picture_token - first for pointer in batch.pointers] == [0, 0, 3, 3]


def test_only_labelled_pictures_are_read_aloud(tokenizer: Tokenizer, tmp_path: Path) -> None:
    row = asked(picture(tmp_path, 28, 28), ("a", "b"))
    labels = [Label("a", 0, 0, 6, 10)]
    read = Reader(tokenizer, ImageProcessor())
    batch = padded([read(row, None), read(row, labels)])
    assert [use.is_labelled for use in batch.uses] == [False, True]
    assert len(batch.glyphs_NS) == 4
    assert batch.glyphs_NS[0, 0] != NOTHING
    assert (batch.glyphs_NS[1:] == NOTHING).all()


def test_a_question_s_end_already_looks_where_its_answer_points(
    tokenizer: Tokenizer, tmp_path: Path
) -> None:
    batch = collated(tokenizer, asked(picture(tmp_path, 28, 28), ("Where?", "x=0.10, y=0.10")))
    places = [look.position for look in batch.looks]
    first_learned = int(batch.learned.places_P[0]) + 1
    assert places == list(range(first_learned - ASKED_TOKENS, batch.pointers[1].position + 1))
    assert {look.picture_token for look in batch.looks} == {batch.pointers[0].picture_token}


def test_the_second_point_is_looked_at_after_the_first_is_said(
    tokenizer: Tokenizer, tmp_path: Path
) -> None:
    answer = "moveTo(x=0.10, y=0.10)\ndragTo(x=0.90, y=0.90)"
    batch = collated(tokenizer, asked(picture(tmp_path, 56, 56), ("Drag.", answer)))
    first_y, second_x = batch.pointers[1].position, batch.pointers[2].position
    goals = {look.position: look.picture_token for look in batch.looks}
    assert len(goals) == len(batch.looks)
    assert goals[first_y] == batch.pointers[0].picture_token
    assert goals[first_y + 2] == goals[second_x] == batch.pointers[2].picture_token


def test_text_alone_looks_nowhere(tokenizer: Tokenizer) -> None:
    batch = collated(tokenizer, Conversation(system="s", picture=None, turns=(Turn("a", "b"),)))
    assert batch.pixel_values is None
    assert batch.looks == []
