import numpy as np
import pytest

from benchmarks.a3b import drawn_out, figures, medians
from benchmarks.a3b_peer import filled_slot


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


def test_a_saved_slot_is_grown_to_other_tokens() -> None:
    """Of two tokens and three layers of four numbers, as llama.cpp writes it."""
    words = [7, 4, 6, 2**32 - 1, 1, 2, 11, 12, 0, 1, 2, 0, 1, 0, 1, 1, 0, 0, 3, 0, 0]
    layer = np.array([1, 8, 0], np.uint32).tobytes() + bytes(16)
    grown = filled_slot(np.array(words, np.uint32).tobytes() + 3 * layer, [21, 22, 23])
    told = np.frombuffer(grown[: 4 * 25], np.uint32).tolist()
    assert told[:12] == [7, 4, 7, 2**32 - 1, 1, 3, 21, 22, 23, 0, 1, 3]
    assert told[12:] == [0, 1, 0, 1, 1, 0, 2, 1, 0, 0, 3, 0, 0]
    assert len(grown) == 4 * 25 + 3 * (12 + 3 * 8)
