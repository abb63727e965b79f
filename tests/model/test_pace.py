from collections import deque

import pytest

from model.pace import MOST_GUESSES, TRIED_ALL_THE_SAME, Pace, fitted


def paced(narrow: float, more: float, *, share_right: float) -> Pace:
    """Of a network whose passes cost so much, and whose guesses are right so often."""
    pace = Pace()
    for number in range(120):
        num_guesses = number % (MOST_GUESSES + 1)
        pace.passed(1 + num_guesses, narrow + more * num_guesses)
        right = (number + 1) * share_right // 1 - number * share_right // 1
        pace.checked(1 + number % 4, int(right), failed=not right)
    return pace


def test_before_anything_is_known_as_many_as_can_be_are_checked() -> None:
    assert Pace().worth(1) == MOST_GUESSES


def test_where_a_wide_pass_costs_nothing_all_are_checked() -> None:
    assert paced(0.01, 0.0, share_right=0.3).worth(2) == MOST_GUESSES


def test_where_guesses_are_dear_and_seldom_right_none_are() -> None:
    pace = paced(0.01, 0.008, share_right=0.1)
    tried = [pace.worth(2) for _ in range(10 * TRIED_ALL_THE_SAME)]
    assert sum(tried) == 10, "now and then one, since texts change"


def test_the_surer_the_guess_the_more_are_checked() -> None:
    numbers = [paced(0.01, 0.004, share_right=share).worth(2) for share in (0.4, 0.7, 0.9, 0.99)]
    assert numbers == sorted(numbers)
    assert numbers[0] < numbers[-1]


def test_what_was_right_lately_counts_most() -> None:
    pace = paced(0.01, 0.002, share_right=0.95)
    before = pace.chance(3)
    for _ in range(100):
        pace.checked(3, 0, failed=True)
    assert pace.chance(3) < 0.2 < 0.8 < before
    assert pace.chance(1) > 0.7, "matches of another length are counted apart"


def test_slow_moments_of_the_machine_do_not_change_what_a_pass_costs() -> None:
    passes = [(width, 0.01 + 0.002 * (width - 1)) for width in (1, 3, 5, 9, 13) * 5]
    passes[::6] = [(width, seconds * 9) for width, seconds in passes[::6]]
    assert fitted(deque(passes)) == pytest.approx((0.01, 0.002), rel=0.01)


def test_passes_of_one_width_tell_nothing() -> None:
    assert fitted(deque([(2, 0.1), (2, 0.2)])) is None
