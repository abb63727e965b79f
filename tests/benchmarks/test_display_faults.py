"""The short form of `make proof-faults`."""

import pytest

from benchmarks.display_faults import FAULTS, prove


@pytest.mark.parametrize("name", FAULTS)
def test_an_episode_whose_display_fails_comes_to_a_named_ending(name: str) -> None:
    report = prove(name, 1, seed=5, max_steps=10)
    assert report.bad == []
    assert report.cases == 1
