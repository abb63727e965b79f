"""The backend of macOS and Windows, with a module of the same shape handed in."""

import string
import threading
from collections.abc import Sequence

import pytest
from PIL import Image

from agent.control import Control
from env.actions import Action, Click, Drag, Keys, Move, Point, Scroll, TypeText, Wait
from env.errors import ActionCut, ActionRefused, DesktopLost
from env.pyautogui_desktop import PyAutoGuiDesktop
from env.screen import ScreenSize


class Corner(Exception):
    pass


class FakeGui:
    """Takes down what it is told; a Mac's screen of 100x80 points in 200x160 pixels."""

    FailSafeException: type[Exception] = Corner
    KEYBOARD_KEYS: Sequence[str] = [
        *string.printable[:95],
        *("\n", "\t", "enter", "ctrl", "shift", "command", "esc", "f1"),
    ]

    def __init__(self) -> None:
        self.told: list[tuple[object, ...]] = []
        self.in_corner = False

    def size(self) -> tuple[int, int]:
        return 100, 80

    def moveTo(self, x: int, y: int, duration: float = 0.0) -> None:
        if self.in_corner:
            raise Corner
        self.told.append(("move", x, y))

    def mouseDown(self, *, button: str) -> None:
        self.told.append(("down", button))

    def mouseUp(self, *, button: str) -> None:
        self.told.append(("up", button))

    def scroll(self, clicks: int) -> None:
        self.told.append(("scroll", clicks))

    def hscroll(self, clicks: int) -> None:
        self.told.append(("hscroll", clicks))

    def keyDown(self, key: str) -> None:
        self.told.append(("key down", key))

    def keyUp(self, key: str) -> None:
        self.told.append(("key up", key))

    def write(self, message: str) -> None:
        self.told.append(("write", message))


@pytest.fixture
def gui() -> FakeGui:
    return FakeGui()


@pytest.fixture
def desktop(gui: FakeGui) -> PyAutoGuiDesktop:
    return PyAutoGuiDesktop(gui, lambda: Image.new("RGB", (200, 160)), mac=True)


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (Move(Point(199, 159)), [("move", 99, 79)]),
        (
            Click(Point(20, 40), "right", modifiers=("ctrl",)),
            [
                ("key down", "ctrl"),
                ("move", 10, 20),
                ("down", "right"),
                ("up", "right"),
                ("key up", "ctrl"),
            ],
        ),
        (Click(Point(0, 0), count=2), [("move", 0, 0), *[("down", "left"), ("up", "left")] * 2]),
        (
            Drag(Point(0, 0), Point(100, 100)),
            [("move", 0, 0), ("down", "left"), ("move", 50, 50), ("up", "left")],
        ),
        (Scroll(Point(0, 0), -3), [("move", 0, 0), ("scroll", -3)]),
        (Scroll(Point(0, 0), 2, sideways=True), [("move", 0, 0), ("hscroll", 2)]),
        (TypeText("a<\n"), [("write", "a<\n")]),
        (
            Keys(("win", "A")),
            [("key down", "command"), ("key down", "A"), ("key up", "A"), ("key up", "command")],
        ),
        (Wait(0.01), []),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_action_is_what_pyautogui_is_told(
    gui: FakeGui, desktop: PyAutoGuiDesktop, action: Action, expected: list[tuple[object, ...]]
) -> None:
    desktop.perform(action)
    assert gui.told == expected


def test_its_pictures_are_in_the_screens_own_pixels(desktop: PyAutoGuiDesktop) -> None:
    assert desktop.size == ScreenSize(200, 160)
    assert desktop.screenshot().size == ScreenSize(200, 160)


@pytest.mark.parametrize(
    "action",
    [
        TypeText("naïve"),
        TypeText("日"),
        Keys(("f24",)),
        Keys(("nokey",)),
        Click(Point(200, 0)),
        Click(Point(0, 0), modifiers=("capslock",)),
    ],
    ids=str,
)
def test_what_it_cannot_do_is_refused_and_nothing_is_done(
    gui: FakeGui, desktop: PyAutoGuiDesktop, action: Action
) -> None:
    with pytest.raises(ActionRefused):
        desktop.perform(action)
    assert gui.told == []


def test_the_corner_stops_it(gui: FakeGui, desktop: PyAutoGuiDesktop) -> None:
    control = Control()
    desktop.heed(control)
    gui.in_corner = True
    with pytest.raises(ActionCut, match="corner"):
        desktop.perform(Click(Point(9, 9), modifiers=("shift",)))
    assert control.stopped is not None
    assert gui.told == [("key down", "shift"), ("key up", "shift")]


def test_a_stop_ends_a_held_press_and_lets_go(gui: FakeGui, desktop: PyAutoGuiDesktop) -> None:
    control = Control()
    desktop.heed(control)
    threading.Timer(0.1, control.stop, ["enough"]).start()
    with pytest.raises(ActionCut, match="enough"):
        desktop.perform(Click(Point(9, 9), hold_seconds=9.0))
    assert gui.told[-1] == ("up", "left")


def test_a_closed_one_is_lost(desktop: PyAutoGuiDesktop) -> None:
    desktop.close()
    desktop.close()
    with pytest.raises(DesktopLost):
        desktop.screenshot()
    with pytest.raises(DesktopLost):
        desktop.perform(Wait(0.1))
