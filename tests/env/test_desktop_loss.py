"""Part of every desktop's contract: once it is gone it says so, whoever ended it."""

import os
import signal
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from env.actions import Click, Keys, Point, TypeText
from env.browser import BrowserDesktop
from env.desktop import Desktop
from env.errors import DesktopLost, DesktopUnavailable
from env.fake import FakeDesktop
from env.screen import Box, ScreenSize
from env.viewport import Viewport
from env.virtual import VirtualDesktop
from env.x11 import X11Display

BACKENDS = ("fake", "browser", "virtual", "viewport")


@pytest.mark.parametrize("kind", BACKENDS)
def test_a_closed_desktop_is_lost_and_closes_again(kind: str) -> None:
    with ExitStack() as stack:
        desktop, owner = open_alone(kind, stack)
        owner.close()
        owner.close()
        refuse_everything(desktop)
        desktop.close()


@pytest.mark.parametrize("kind", BACKENDS)
def test_a_desktop_that_dies_is_lost(kind: str) -> None:
    with ExitStack() as stack:
        desktop, owner = open_alone(kind, stack)
        desktop.screenshot()
        match owner:
            case FakeDesktop():
                owner.vanish()
            case BrowserDesktop():
                kill_browser(owner)
            case _:
                signal_children("Xvfb", signal.SIGKILL)
        refuse_everything(desktop)
        owner.close()


def test_a_display_that_froze_keeps_nobody_waiting_who_opens_or_closes_it() -> None:
    desktop = VirtualDesktop(ScreenSize(320, 240))
    desktop.perform(Click(Point(5, 5)))
    told = desktop.environment
    signal_children("Xvfb", signal.SIGSTOP)
    began = time.monotonic()
    with pytest.raises(DesktopUnavailable, match="no answer"):
        X11Display(told["DISPLAY"], Path(told["XAUTHORITY"]))
    opened = time.monotonic()
    desktop.close()
    assert opened - began < 10.0
    assert time.monotonic() - opened < 10.0


def open_alone(kind: str, stack: ExitStack) -> tuple[Desktop, Desktop]:
    """A desktop with nothing on it, and the one behind it that holds the processes."""
    if kind == "fake":
        desktop: Desktop = stack.enter_context(FakeDesktop())
    elif kind == "browser":
        desktop = stack.enter_context(BrowserDesktop())
    else:
        desktop = stack.enter_context(VirtualDesktop(ScreenSize(320, 240)))
    return (Viewport(desktop, Box(0, 0, 50, 50)) if kind == "viewport" else desktop), desktop


def refuse_everything(desktop: Desktop) -> None:
    with pytest.raises(DesktopLost):
        desktop.screenshot()
    for action in (Click(Point(5, 5)), TypeText("a"), Keys(("enter",))):
        with pytest.raises(DesktopLost):
            desktop.perform(action)


def kill_browser(desktop: BrowserDesktop) -> None:
    browser = desktop.page.context.browser
    assert browser is not None
    session = browser.new_browser_cdp_session()
    for process in session.send("SystemInfo.getProcessInfo")["processInfo"]:
        if process["type"] == "browser":
            os.kill(process["id"], signal.SIGKILL)


def signal_children(name: str, number: signal.Signals) -> None:
    """To this process's own children of that name."""
    children = [
        int(pid)
        for task in Path("/proc/self/task").iterdir()
        for pid in (task / "children").read_text().split()
    ]
    named = [pid for pid in children if Path(f"/proc/{pid}/comm").read_text().strip() == name]
    assert named, f"no child is called {name}"
    for pid in named:
        os.kill(pid, number)
