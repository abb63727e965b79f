"""With the 163,584 ranks of the public vocabulary: the ids the public tokenizer gives."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from splintr import Tokenizer as CarriesRanks

from model.messages import ImagePart, Message, Part, Role, TextPart
from model.tokenizer import Tokenizer

NUM_RANKS = 163_584
CHARACTERS = st.characters(exclude_categories=["Cs"])
"""All of Unicode; surrogates are halves of characters and no text."""


@pytest.fixture(scope="session")
def public() -> Tokenizer:
    carrier = CarriesRanks.from_pretrained("kimi_k2")
    return Tokenizer({carrier.decode_bytes([rank]): rank for rank in range(NUM_RANKS)})


@pytest.fixture(scope="session")
def expected(golden_folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((golden_folder / "text.json").read_text())
    return found


def test_texts_have_the_public_ids(public: Tokenizer, expected: dict[str, Any]) -> None:
    assert len(expected["tokens"]) == 81
    for entry in expected["tokens"]:
        assert public.encode(entry["text"]) == entry["ids"], entry["text"]
        assert public.decode(entry["ids"]) == entry["text"]


def test_control_tokens_have_the_public_ids(public: Tokenizer, expected: dict[str, Any]) -> None:
    assert {name: public.special[name] for name in expected["special"]} == expected["special"]
    assert public.vocab_size == 163_840
    assert public.stop_ids == (163_585, 163_586)


def as_message(said: dict[str, Any]) -> Message:
    role: Role = said["role"]
    content = said["content"]
    parts: list[Part] = (
        [TextPart(content)]
        if isinstance(content, str)
        else [
            TextPart(part["text"])
            if part["type"] == "text"
            else ImagePart(Image.new("RGB", (28, 28)))
            for part in content
        ]
    )
    return Message(role, tuple(parts))


def test_chats_are_rendered_as_in_public(public: Tokenizer, expected: dict[str, Any]) -> None:
    for chat in expected["chat"]:
        messages = [as_message(said) for said in chat["messages"]]
        assert public.render(messages) == chat["text"]
        assert public.encode_chat(messages) == chat["ids"]


@settings(max_examples=500, deadline=None)
@given(text=st.text(CHARACTERS, max_size=60))
def test_any_text_comes_back(public: Tokenizer, text: str) -> None:
    assert public.decode(public.encode(text)) == text


def test_every_character_of_unicode_comes_back(public: Tokenizer) -> None:
    for start in range(0, 0x110000, 0x1000):
        text = "".join(chr(code) for code in range(start, start + 0x1000) if code >> 11 != 0x1B)
        assert public.decode(public.encode(text)) == text, hex(start)
