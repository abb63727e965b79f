"""Other agents' code: read, never run."""

import pytest

from agent.errors import GroundingError, ParseError
from agent.pixel_code import read_pixel_code
from env.actions import Action, Click, Drag, Keys, Move, Point, Scroll, TypeText
from env.pyautogui_code import LEAN, pyautogui_code
from env.screen import ScreenSize

SIZE = ScreenSize(1920, 1080)
PREFIX = "import pyautogui; import time; pyautogui.FAILSAFE = False; "


@pytest.mark.parametrize(
    "action",
    [
        Click(Point(0, 0)),
        Click(Point(1919, 1079), "right", 1, ("ctrl",)),
        Click(Point(960, 540), count=3),
        Click(Point(5, 7), hold_seconds=0.5),
        Move(Point(3, 1078)),
        Drag(Point(10, 20), Point(1900, 1000), "left", ("shift",)),
        Scroll(Point(100, 100), -5),
        Scroll(Point(100, 100), 5, sideways=True),
        TypeText("plain"),
        TypeText('it\'s "quoted" \\ and\nnew'),
        TypeText("größer 日本 😀"),
        Keys(("ctrl", "shift", "t")),
        Keys(("pagedown",), presses=3),
    ],
    ids=str,
)
def test_what_our_own_client_sends_comes_back(action: Action) -> None:
    for prefix in (PREFIX, f"{LEAN}; {PREFIX}"):
        assert read_pixel_code(prefix + pyautogui_code(action), SIZE) == (action,)


@pytest.mark.parametrize("x", [0, 1, 7, 333, 639, 640, 1279, 1918, 1919])
def test_every_pixel_comes_back_as_itself(x: int) -> None:
    code = f"pyautogui.click({x}, {x % 1080})"
    assert read_pixel_code(code, SIZE) == (Click(Point(x, x % 1080)),)


@pytest.mark.parametrize("code", ["pyautogui.click(1920, 5)", "pyautogui.moveTo(5, -1)"])
def test_a_point_off_the_screen_is_refused(code: str) -> None:
    with pytest.raises(GroundingError):
        read_pixel_code(code, SIZE)


@pytest.mark.parametrize(
    "code",
    [
        "__import__('os').system('id')",
        "import os; os.system('id'); pyautogui.click(1, 1)",
        "pyautogui.click(int('1'), 2)",
        "pyautogui.__class__",
        "import sys; sys.modules.clear()",
        "while True: pyautogui.click(1, 1)",
        "pyautogui.FAILSAFE = open('/etc/passwd').read()",
        "pyautogui.click.__globals__['os'] = 1",
        "pyperclip.copy(open('/etc/passwd').read()); pyautogui.hotkey('ctrl', 'v')",
        "pyautogui.click(1, 1) if True else 2",
        "(" * 500,
    ],
)
def test_what_is_no_action_is_refused(code: str) -> None:
    with pytest.raises(ParseError):
        read_pixel_code(code, SIZE)
