"""The short form of `make proof-typing`."""

from benchmarks.typing_proof.__main__ import LAYOUTS, prove_typing


def test_140_random_texts_under_seven_layouts_arrive_or_are_refused() -> None:
    report = prove_typing(140, seed=1)
    assert report.bad == []
    assert report.texts == 140
    assert len(report.by_layout) == len(LAYOUTS)
    assert report.refused.total() < 20
