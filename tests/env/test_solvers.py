import pytest

from env.errors import UnknownTask
from env.solvers import Solvers


def test_a_solver_is_found_by_its_name_and_a_name_that_is_none_hears_of_near_ones() -> None:
    solvers: Solvers[int] = Solvers("env.miniwob.experts", "number")
    solvers.add("one", 1)
    assert (solvers.named("one"), solvers.names()) == (1, ("one",))
    with pytest.raises(UnknownTask, match="no number for 'ones'; near names: one"):
        solvers.named("ones")


def test_a_second_one_of_a_name_is_a_bug() -> None:
    solvers: Solvers[int] = Solvers("env.miniwob.experts", "number")
    solvers.add("one", 1)
    with pytest.raises(AssertionError, match="two of number one"):
        solvers.add("one", 2)
