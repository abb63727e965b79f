from hypothesis import given
from hypothesis import strategies as st

from model.drafts import Drafts


def test_a_text_goes_on_as_it_did_before() -> None:
    assert Drafts([1, 2, 3, 4, 5, 9, 1, 2]).guess(3) == ([3, 4, 5], 2)


def test_the_longer_past_decides_then_the_later_place() -> None:
    text = [7, 1, 2, 30, 8, 1, 2, 40]
    assert Drafts([*text, 7, 1, 2]).guess(1) == ([30], 3)
    assert Drafts([*text, 9, 1, 2]).guess(1) == ([40], 2)


def test_what_was_never_said_before_is_not_guessed() -> None:
    assert Drafts([1, 2, 3]).guess(4) == ([], 0)
    assert Drafts().guess(4) == ([], 0)
    assert Drafts([1, 2, 3, 1, 2]).guess(0) == ([], 2)


def test_it_follows_the_text_as_it_grows() -> None:
    drafts = Drafts([1, 2, 3, 4])
    drafts.extend((1, 2))
    assert drafts.guess(2) == ([3, 4], 2)
    drafts.extend((5, 1, 2))
    assert drafts.guess(1) == ([5], 2)


@given(st.lists(st.integers(0, 3), max_size=40), st.integers(0, 9))
def test_a_guess_is_a_piece_of_the_text(ids: list[int], most: int) -> None:
    guess, matched = Drafts(ids).guess(most)
    assert len(guess) <= most
    told = [*ids[len(ids) - matched :], *guess]
    assert any(ids[start : start + len(told)] == told for start in range(len(ids) + 1))
