import signal

import pytest

from ui.interrupt import StopOnInterrupt


def test_the_first_interrupt_asks_to_stop_and_the_second_leaves() -> None:
    before = signal.getsignal(signal.SIGINT)
    with StopOnInterrupt() as control:
        assert control.stopped is None
        signal.raise_signal(signal.SIGINT)
        assert control.stopped == "interrupted from the terminal"
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
