"""The short form of `make proof-eval`."""

from benchmarks.eval_proof import prove_kills


def test_an_evaluation_killed_ten_times_loses_nothing_and_does_nothing_twice() -> None:
    report = prove_kills(10, seed=4)
    assert report.bad == []
    assert report.cases == 10
    assert report.counts["results found after a kill"] > 0
