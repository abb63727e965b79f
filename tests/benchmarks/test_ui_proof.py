"""The short form of `make proof-ui`."""

from benchmarks.ui_proof import prove_kills


def test_an_episode_does_not_mind_ten_cockpits_that_are_killed() -> None:
    report = prove_kills(10, seed=1)
    assert report.bad == []
    assert report.cases == 10
    assert any(what.startswith("in the middle") for what in report.counts)
