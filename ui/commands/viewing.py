"""`--view`: a virtual desktop shown to a person while a command works it, or they do."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from env.desktop import Desktop
from env.view import VncView
from env.virtual import VirtualDesktop


@contextmanager
def viewed(
    desktop: Desktop,
    view: Literal["none", "vnc"],
    say: Callable[[str], None],
    *,
    view_only: bool = True,
) -> Iterator[None]:
    """The password is said to a terminal only: elsewhere it would lie about in somebody's log,
    and the file that has it is named instead."""
    if view == "none":
        yield
        return
    assert isinstance(desktop, VirtualDesktop), "the options refuse others"
    with VncView(desktop, view_only=view_only) as opened:
        does = "shows the desktop" if view_only else "shows the desktop and works it"
        say(f"A VNC viewer {does}: {opened.host}:{opened.port}")
        where = opened.password if sys.stdout.isatty() else f"in {opened.password_file}"
        say(f"password: {where}")
        yield
