import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from model.errors import CheckpointError
from model.messages import ImagePart, assistant, system, user
from model.tokenizer import Tokenizer

PLAIN = Tokenizer({bytes([value]): value for value in range(256)})
"""One id a byte: what a text encodes to can be read off."""

PICTURE = ImagePart(Image.new("RGB", (28, 28)))


def test_special_ids_follow_the_ranks_at_the_public_offsets(tokenizer: Tokenizer) -> None:
    first = tokenizer.num_ranks
    expected = {
        "[BOS]": 0,
        "[EOS]": 1,
        "<|im_end|>": 2,
        "<|im_user|>": 3,
        "<|im_assistant|>": 4,
        "[EOT]": 9,
        "<|im_system|>": 10,
        "<|im_middle|>": 17,
        "<|media_start|>": 18,
        "<|media_content|>": 19,
        "<|media_end|>": 20,
        "<|media_pad|>": 21,
        "[PAD]": 254,
        "[UNK]": 255,
    }
    assert {name: tokenizer.special[name] - first for name in expected} == expected
    assert tokenizer.vocab_size == first + 256
    assert tokenizer.stop_ids == (first + 1, first + 2)


def test_merged_words_are_one_id(tokenizer: Tokenizer) -> None:
    assert len(tokenizer.encode("Where")) < len("Where")
    assert tokenizer.decode(tokenizer.encode("Where is the button?")) == "Where is the button?"


@given(st.text(max_size=60))
def test_any_text_comes_back(text: str) -> None:
    ids = PLAIN.encode(text)
    assert PLAIN.decode(ids) == text
    assert ids == list(text.encode())


@given(st.lists(st.sampled_from(sorted(PLAIN.special)), max_size=4).map("x".join))
def test_control_tokens_in_a_text_stay_text(text: str) -> None:
    assert all(token_id < PLAIN.num_ranks for token_id in PLAIN.encode(text))
    ids = PLAIN.encode_chat([user(text)], add_generation_prompt=False)
    assert ids.count(PLAIN.special["<|im_end|>"]) == 2, "of the system's turn and of the user's"
    assert PLAIN.special["<|media_pad|>"] not in ids


def test_half_a_character_is_shown_as_such() -> None:
    assert PLAIN.decode([0xC3]) == "�"
    assert PLAIN.decode_bytes([0xC3]) == b"\xc3"


@pytest.mark.parametrize("character", ["x", " "])
def test_long_runs_are_cut_and_lose_nothing(character: str) -> None:
    text = character * 60_000 + "!"
    assert PLAIN.decode(PLAIN.encode(text)) == text


def test_a_chat_is_laid_out_as_in_public() -> None:
    assert PLAIN.render([user(PICTURE, "What is this?")]) == (
        "<|im_system|>system<|im_middle|>You are a helpful assistant<|im_end|>"
        "<|im_user|>user<|im_middle|>"
        "<|media_start|>image<|media_content|><|media_pad|><|media_end|>What is this?<|im_end|>"
        "<|im_assistant|>assistant<|im_middle|>"
    )
    turns = [system("S\n"), user("Hi "), assistant("◁think▷a◁/think▷b"), user(" x")]
    assert PLAIN.render(turns, add_generation_prompt=False) == (
        "<|im_system|>system<|im_middle|>S\n<|im_end|>"
        "<|im_user|>user<|im_middle|>Hi <|im_end|>"
        "<|im_assistant|>assistant<|im_middle|>◁think▷a◁/think▷b<|im_end|>"
        "<|im_user|>user<|im_middle|> x<|im_end|>"
    )


def test_the_ids_of_a_chat_are_those_of_its_rendering(tokenizer: Tokenizer) -> None:
    turns = [system("Be brief."), user(PICTURE, "Where is it?"), assistant("x=0.50, y=0.25")]
    ids = tokenizer.encode_chat(turns)
    assert tokenizer.decode(ids) == tokenizer.render(turns)
    assert ids.count(tokenizer.special["<|media_pad|>"]) == 1
    assert ids[-1] == tokenizer.special["<|im_middle|>"]


def test_neighbouring_texts_are_encoded_as_one(tokenizer: Tokenizer) -> None:
    assert tokenizer.encode_chat([user("Wh", "ere")]) == tokenizer.encode_chat([user("Where")])


def write(path: Path, tokens: list[tuple[bytes, object]]) -> Path:
    path.write_text("".join(f"{base64.b64encode(t).decode()} {rank}\n" for t, rank in tokens))
    return path


BYTES: list[tuple[bytes, object]] = [(bytes([value]), value) for value in range(256)]


def test_a_file_of_ranks_is_read(tmp_path: Path) -> None:
    made = Tokenizer.from_file(write(tmp_path / "tiktoken.model", [*BYTES, (b"ab", 256)]))
    assert made.encode("ab") == [256]


@pytest.mark.parametrize(
    "tokens",
    [
        BYTES[:255],
        [*BYTES, (b"ab", 300)],
        [*BYTES, (b"ab", 255)],
        [*BYTES, (b"ab", -1)],
        [*BYTES, (b"ab", "x")],
        [],
    ],
)
def test_ranks_that_do_not_count_from_nought_are_refused(
    tmp_path: Path, tokens: list[tuple[bytes, object]]
) -> None:
    with pytest.raises(CheckpointError):
        Tokenizer.from_file(write(tmp_path / "tiktoken.model", tokens))


@pytest.mark.parametrize("content", [b"not a tokenizer", b"!!!! 0", b"\xff\xfe\x00", b"YQ== 0 0"])
def test_what_is_no_tokenizer_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "tiktoken.model").write_bytes(content)
    with pytest.raises(CheckpointError):
        Tokenizer.from_file(tmp_path / "tiktoken.model")


def test_a_missing_tokenizer_is_said(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no tokenizer"):
        Tokenizer.from_file(tmp_path / "tiktoken.model")
