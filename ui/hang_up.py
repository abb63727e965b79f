"""The cockpit ends with its terminal, by the SIGHUP that the kernel sends to whom it controls.

A cockpit whose terminal is not its controlling one (started by `setsid`, by a program that gives it
a pseudo-terminal) gets none: it would stay, and Textual's reader, for which an end of input is no
reason to stop, would read nothing as fast as it can.
"""

import os
import select
import signal
import threading


def end_with_terminal(fileno: int) -> None:
    """From now on, by a thread; nothing if that is no terminal. Called by the main thread.

    Args:
        fileno: what keys are read from.
    """
    if os.isatty(fileno):
        if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
            # By `nohup`; but the session goes on by itself, and without a terminal this is nothing.
            signal.signal(signal.SIGHUP, signal.SIG_DFL)
        threading.Thread(target=_wait, args=(fileno,), name="hang-up", daemon=True).start()


def _wait(fileno: int) -> None:
    gone = select.poll()
    # A hang-up is told unasked; keys that can be read are not to wake this thread.
    gone.register(fileno, 0)
    gone.poll()
    os.kill(os.getpid(), signal.SIGHUP)
