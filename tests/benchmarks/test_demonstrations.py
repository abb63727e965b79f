"""The short form of `python benchmarks/demonstrations.py`."""

from benchmarks.demonstrations import try_many


def test_recorded_demonstrations_performed_again_reach_the_same_end() -> None:
    results = try_many(4, seed=1000)
    assert [result["equal"] for result in results] == [True] * 4
    assert sum(result["lost"] for result in results) == 0
    assert min(result["steps"] for result in results) >= 3
