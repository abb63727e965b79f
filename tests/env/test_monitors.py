"""Real X servers with several monitors: RandR's on one screen, two screens joined by Xinerama."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from env.monitors import monitors_of
from env.screen import ScreenSize
from env.virtual import VirtualDesktop
from env.x11 import X11Display, connect


@pytest.fixture(scope="module")
def desktop() -> Iterator[VirtualDesktop]:
    with VirtualDesktop(ScreenSize(1600, 600)) as desktop:
        yield desktop


def xrandr(desktop: VirtualDesktop, *words: str) -> None:
    subprocess.run(["xrandr", *words], env=dict(desktop.environment), check=True)


def test_monitors_of_one_screen_are_told_apart(desktop: VirtualDesktop) -> None:
    xrandr(desktop, "--setmonitor", "left", "800/200x600/150+0+0", "screen")
    xrandr(desktop, "--setmonitor", "right", "800/200x600/150+800+0", "none")
    told = desktop.environment
    connection = connect(told["DISPLAY"], Path(told["XAUTHORITY"]))
    left, right = monitors_of(connection)
    connection.close()
    assert (left["name"], left["x"], left["width"]) == ("left", 0, 800)
    assert (right["name"], right["x"], right["width"]) == ("right", 800, 800)


@pytest.fixture
def two_screens(desktop: VirtualDesktop) -> Iterator[str]:
    """A display of two screens side by side, joined; RandR tells only the first."""
    ready, told = os.pipe()
    words = ["Xephyr", "-displayfd", str(told), "+xinerama", "-noreset", "-nolisten", "tcp"]
    words += ["-origin", "0,0", "-screen", "700x500", "-origin", "700,0", "-screen", "500x500"]
    server = subprocess.Popen(
        words, env=dict(desktop.environment), pass_fds=[told], stderr=subprocess.DEVNULL
    )
    os.close(told)
    with os.fdopen(ready) as number:
        name = number.readline().strip()
    assert name, "Xephyr did not come up"
    yield f":{name}"
    server.terminate()
    server.wait()


def test_two_screens_joined_are_one_to_look_at(two_screens: str) -> None:
    connection = connect(two_screens, None)
    first, second = monitors_of(connection)
    connection.close()
    assert (first["x"], first["width"]) == (0, 700)
    assert (second["x"], second["width"]) == (700, 500)
    with X11Display(two_screens) as screen:
        assert tuple(screen.size) == (1200, 500)
        assert screen.screenshot().image.size == (1200, 500)
