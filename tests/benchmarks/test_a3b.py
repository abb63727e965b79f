import pytest

from benchmarks.a3b import drawn_out, figures, medians


def test_what_an_engine_tells_becomes_seconds_of_a_token() -> None:
    rows = [
        {"kind": "load", "seconds": 3.0},
        {"kind": "prefill", "to": 1000, "tokens": 990, "past": 10, "seconds": 20.0},
        {"kind": "prefill", "to": 2000, "tokens": 1000, "past": 1000, "seconds": 25.0},
        {"kind": "decode", "context": 1024, "tokens": 16, "seconds": 2.0},
        {"kind": "memory", "context": 0, "VmHWM_gb": 9.5},
        {"kind": "memory", "context": 1024, "VmHWM_gb": 9.0},
        {"kind": "skipped", "context": 8192, "why": "too long"},
    ]
    assert figures(rows) == {
        "load": 3.0,
        "prefill of 1000": 20.0,
        "prefill of 2000": 45.0,
        "decode a token after 1024": 0.125,
        "peak GB": 9.5,
    }


def test_fewer_layers_are_drawn_out_along_a_line_but_pictures_are_not() -> None:
    few = {"decode a token after 1": 0.02, "picture of 4 patches": 5.0, "only few": 1.0}
    many = {"decode a token after 1": 0.05, "picture of 4 patches": 5.5}
    found = drawn_out({2: few, 5: many})
    assert found.keys() == many.keys()
    assert found["decode a token after 1"] == pytest.approx(0.02 + 25 * 0.01)
    assert found["picture of 4 patches"] == 5.5
    assert drawn_out({27: many}) == many


def test_an_engine_measured_twice_counts_once() -> None:
    assert medians([{"a": 1.0}, {"a": 3.0, "b": 2.0}]) == {"a": 2.0, "b": 2.0}
