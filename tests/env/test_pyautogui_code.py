import doctest
import subprocess
import sys

import pytest

import env.pyautogui_code
from env.actions import Action, Click, Drag, Keys, Move, Point, Scroll, TypeText, Wait
from env.errors import ActionRefused
from env.pyautogui_code import QUIET, pyautogui_code


@pytest.mark.parametrize(
    ("action", "code"),
    [
        (Click(Point(3, 4)), "pyautogui.click(3, 4)"),
        (Click(Point(3, 4), "right"), "pyautogui.click(3, 4, button='right')"),
        (
            Click(Point(3, 4), count=2, modifiers=("control",)),
            "pyautogui.keyDown('ctrl')\npyautogui.click(3, 4, clicks=2, interval=0.05)\n"
            "pyautogui.keyUp('ctrl')",
        ),
        (
            Click(Point(3, 4), hold_seconds=1.5),
            "pyautogui.mouseDown(3, 4, button='left')\ntime.sleep(1.5)\n"
            "pyautogui.mouseUp(3, 4, button='left')",
        ),
        (Move(Point(3, 4)), "pyautogui.moveTo(3, 4)"),
        (
            Drag(Point(3, 4), Point(5, 6)),
            "pyautogui.moveTo(3, 4)\npyautogui.dragTo(5, 6, duration=0.5, button='left')",
        ),
        (Scroll(Point(3, 4), -5), "pyautogui.scroll(-5, 3, 4)"),
        (Scroll(Point(3, 4), 2, sideways=True), "pyautogui.hscroll(2, 3, 4)"),
        (TypeText("it's (a) \n"), 'pyautogui.write("it\'s (a) \\n")'),
        (
            TypeText("<a<"),
            "pyautogui.hotkey('shift', ',')\npyautogui.write('a')\npyautogui.hotkey('shift', ',')",
        ),
        (
            TypeText("Zoë"),
            f"{QUIET}\nimport pyperclip\npyperclip.copy('Zoë')\npyautogui.hotkey('ctrl', 'v')",
        ),
        (Keys(("Esc",)), "pyautogui.press('escape')"),
        (Keys(("down",), 3), "pyautogui.press('down', presses=3)"),
        (Keys(("ctrl", "s"), 2), "pyautogui.hotkey('ctrl', 's')\npyautogui.hotkey('ctrl', 's')"),
        (Keys(("<",)), "pyautogui.hotkey('shift', ',')"),
        (Wait(3.0), "WAIT"),
    ],
)
def test_every_action_has_its_code(action: Action, code: str) -> None:
    assert pyautogui_code(action) == code
    compile(code, "step", "exec")


def test_a_key_pyautogui_does_not_have_is_refused() -> None:
    with pytest.raises(ActionRefused, match="pyautogui has no key for 'é'"):
        pyautogui_code(Keys(("é",)))
    with pytest.raises(ActionRefused, match="cannot be typed"):
        pyautogui_code(TypeText("a\x07"))


def test_its_example_is_true() -> None:
    assert doctest.testmod(env.pyautogui_code).failed == 0


def test_who_holds_the_clipboard_does_not_hold_up_the_server_that_waits_for_the_code() -> None:
    holding = "import subprocess\nsubprocess.Popen(['sleep', '30'])"
    # As OSWorld's server runs it, which reads until nobody has the pipes any more.
    done = subprocess.run(
        [sys.executable, "-c", f"{QUIET}\n{holding}\nraise ValueError('no such clipboard')"],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 1
    assert "no such clipboard" in done.stderr
