import gc
import threading
import time
from functools import partial

import pytest

from trajectories.behind import Behind


def test_work_is_done_in_its_order_and_waited_for() -> None:
    done: list[int] = []
    behind = Behind()
    for number in range(100):
        behind.add(partial(done.append, number))
    behind.wait()
    assert done == list(range(100))
    behind.close()
    behind.close()


def test_an_error_ends_it_and_is_told_at_every_later_call() -> None:
    def fail() -> None:
        raise OSError("no space")

    done: list[str] = []
    behind = Behind()
    behind.add(fail)
    with pytest.raises(OSError, match="no space"):
        behind.wait()
    with pytest.raises(OSError, match="no space"):
        behind.add(lambda: done.append("more"))
    with pytest.raises(OSError, match="no space"):
        behind.close()
    assert done == []


def test_the_caller_goes_on_while_it_works() -> None:
    go = threading.Event()
    behind = Behind()
    behind.add(lambda: go.wait(5))
    go.set()
    behind.close()


def test_its_thread_ends_when_nobody_wants_it_any_more() -> None:
    before = threading.active_count()
    behind = Behind()
    behind.add(lambda: None)
    behind.wait()
    del behind
    gc.collect()
    until = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < until:
        time.sleep(0.01)
    assert threading.active_count() == before
