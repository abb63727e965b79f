import pytest

from benchmarks.ui_ratios import ARMS, Arm, Played, StepTime, together, told


def played(
    arm: Arm, seconds: list[float], *, repeat: int = 0, page: str = "a", answers: str = "abcdef"
) -> Played:
    return Played(
        page=page,
        repeat=repeat,
        arm=arm,
        cpu={"cockpit": 0.1, "others": 0.0, "wall": 1.0},
        steps=tuple(
            StepTime(answer=answer, seconds=each, parts={"model": each / 2})
            for answer, each in zip(answers, seconds, strict=False)
        ),
    )


def rounds(watched: float, pages: int = 3) -> list[Played]:
    times = {"unwatched": [1.0, 3.0], "control": [1.0, 3.0], "watched": [1.0, 3.0 * watched]}
    return [
        played(arm, times[arm], repeat=repeat, page=f"{page}")
        for page in range(pages)
        for repeat in range(2)
        for arm in ARMS
    ]


def test_sums_and_the_middle_pair_are_told_apart() -> None:
    result = told(rounds(1.1))
    assert result["steps"] == 6
    assert result["watched"]["ratio_of_sums"][0] == pytest.approx(4.3 / 4.0)
    assert result["watched"]["median_of_pairs"][0] == pytest.approx(1.05)
    assert result["control"]["ratio_of_sums"] == [1.0, 1.0, 1.0]
    assert result["parts_ms"]["model"] == {
        "unwatched": 1000.0,
        "control": 1000.0,
        "watched": 1075.0,
    }


def test_the_interval_holds_what_differs_from_page_to_page() -> None:
    some = [*rounds(1.0), *(each for each in rounds(1.2, pages=5) if each.page in ("3", "4"))]
    middle, low, high = told(some)["watched"]["ratio_of_sums"]
    assert low < middle < high
    assert low >= 1.0
    assert high <= 4.6 / 4.0


def test_runs_of_the_same_pages_are_added_up() -> None:
    result = told(together([rounds(1.0), rounds(1.2), rounds(1.2)]))
    assert result["steps_in_each_arm"] == 3 * told(rounds(1.0))["steps_in_each_arm"]
    assert result["watched"]["ratio_of_sums"][0] == pytest.approx((4.0 + 4.6 + 4.6) / 12.0)


def test_steps_after_another_answer_do_not_count() -> None:
    result = told(
        [
            played("unwatched", [1.0, 1.0, 1.0]),
            played("control", [1.0, 1.0, 1.0]),
            played("watched", [1.0, 1.0, 9.0, 9.0], answers="abxy"),
        ]
    )
    assert (result["steps"], result["other_answers"]) == (2, 2)
    assert result["watched"]["ratio_of_sums"][0] == 1.0


def test_a_round_in_which_others_worked_does_not_count() -> None:
    disturbed = rounds(1.0)
    disturbed[0].cpu["others"] = 0.5
    result = told(disturbed)
    assert (result["disturbed_rounds"], result["steps_in_each_arm"]) == (1, 10)


def test_a_round_that_was_not_ended_does_not_count() -> None:
    assert told(rounds(1.0)[:-1])["steps_in_each_arm"] == 10
