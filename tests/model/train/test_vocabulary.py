from collections import Counter
from pathlib import Path

import pytest

from model.tokenizer import Tokenizer
from model.train.vocabulary import (
    FIRST_PAIR_OF_DIGITS,
    template_words,
    train_ranks,
    write_ranks,
)


def test_bytes_come_first_then_pairs_of_digits_then_the_commonest_merges() -> None:
    ranks = train_ranks({"abab": 5, "cd": 3}, 358)
    by_rank = [token for token, _ in sorted(ranks.items(), key=lambda item: item[1])]
    assert by_rank[:256] == [bytes([value]) for value in range(256)]
    assert by_rank[FIRST_PAIR_OF_DIGITS] == b"00"
    assert by_rank[FIRST_PAIR_OF_DIGITS + 99] == b"99"
    assert by_rank[356:] == [b"ab", b"abab"]


def test_every_decimal_of_a_coordinate_is_one_token_next_to_its_neighbour(
    tokenizer: Tokenizer,
) -> None:
    for hundredths in range(100):
        ids = tokenizer.encode(f"x=0.{hundredths:02d}")
        assert ids[-1] == FIRST_PAIR_OF_DIGITS + hundredths


def test_too_few_words_are_made_up_for() -> None:
    ranks = train_ranks({}, 360)
    assert len(ranks) == 360
    assert sorted(ranks.values()) == list(range(360))
    Tokenizer(ranks)


def test_a_vocabulary_without_room_for_pairs_is_refused() -> None:
    with pytest.raises(ValueError, match="expected at least 356"):
        train_ranks({}, 300)


def test_what_was_written_is_read_back(ranks: dict[bytes, int], tmp_path: Path) -> None:
    write_ranks(ranks, tmp_path / "tiktoken.model")
    made = Tokenizer.from_file(tmp_path / "tiktoken.model")
    assert made.num_ranks == len(ranks)
    assert made.encode("Submit") == Tokenizer(ranks).encode("Submit")


def test_the_order_of_the_words_does_not_matter() -> None:
    words = Counter({"submit": 3, "select": 3, "button": 3})
    turned = Counter(dict(reversed(words.items())))
    assert train_ranks(words, 370) == train_ranks(turned, 370)


def test_wording_is_kept_and_what_one_episode_says_is_not() -> None:
    names = ("Ada", "Bob", "Cleo", "Dan", "Eve", "Finn", "Gus", "Hal", "Ida", "Jon", "Kim")
    counts = template_words({"greet": [f"Click {name} and submit" for name in names]})
    assert counts["Click"] == len(names)
    assert counts[" and"] == len(names)
    assert not set(counts) & set(names)


def test_a_capital_never_merges_with_what_stands_before_it() -> None:
    counts = template_words({"task": ['Type "Ada" Now'] * 3})
    assert "Ada" in counts
    assert not any(word in counts for word in (" Now", '"Ada'))
