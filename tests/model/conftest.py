"""What the tests of the network share: the golden checkpoint and a small vocabulary."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from model.config import KimiVLConfig
from model.kimi_vl import KimiVL
from model.tokenizer import Tokenizer
from model.train.vocabulary import train_ranks

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    # Sums in the same order everywhere; and these networks are too small to share out.
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def golden_folder() -> Path:
    return GOLDEN


@pytest.fixture(scope="session")
def golden_network() -> KimiVL:
    return KimiVL.from_pretrained(GOLDEN / "tiny-a", dtype=torch.float32)


@pytest.fixture(scope="session")
def golden() -> dict[str, Tensor]:
    """What the public implementation computed."""
    return load_file(GOLDEN / "tiny-a" / "expected.safetensors")


@pytest.fixture(scope="session")
def ranks() -> dict[bytes, int]:
    words = {" the": 9, " click": 8, "Action": 7, "Where": 6, " button": 5, "Submit": 4}
    return train_ranks(Counter(words), 372)


@pytest.fixture(scope="session")
def tokenizer(ranks: dict[bytes, int]) -> Tokenizer:
    return Tokenizer(ranks)


@pytest.fixture(scope="session")
def small_config(tokenizer: Tokenizer) -> KimiVLConfig:
    """The tiny network with room for the small vocabulary."""
    tiny = KimiVLConfig.tiny()
    return replace(
        tiny,
        text=replace(tiny.text, vocab_size=tokenizer.vocab_size, max_position_embeddings=2048),
        media_placeholder_token_id=tokenizer.special["<|media_pad|>"],
        eos_token_ids=tokenizer.stop_ids,
    )
