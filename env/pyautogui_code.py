"""An action as the pyautogui code that OSWorld's machines run, in pixels of their screen.

`DesktopEnv.step` takes it as a string and runs it in a Python of its own, with
pyautogui and time imported. What pyautogui cannot type goes over the
clipboard, as OSWorld's other agents do it.
"""

import string

from env.actions import Action, Click, Drag, Keys, Move, Point, Scroll, TypeText, Wait
from env.keys import pyautogui_key, refuse_untypable

WAIT = "WAIT"
"""DesktopEnv's own word: it sleeps for the runner's pause, twice."""

_DRAG_SECONDS = 0.5
"""Faster ones are taken for a jump by some applications."""

_LESS_THAN = ("shift", ",")
"""pyautogui's X11 half types > for < (OSWorld, issue 257)."""

LEAN = "import sys; sys.modules.update(dict.fromkeys(('mouseinfo', 'pymsgbox', 'pyscreeze')))"
"""Before pyautogui is imported: it does without these then, which ask for tkinter and read
libraries for pictures. No action needs them, and every action starts a Python anew."""

QUIET = (
    "import os, sys\n"
    "sys.stderr = os.fdopen(os.dup(2), 'w', 1)\n"
    "os.dup2(os.open(os.devnull, os.O_WRONLY), 1)\n"
    "os.dup2(1, 2)"
)
"""Who holds the clipboard (xclip, under X11) outlives the Python that started it. With that one's
output in its hands, OSWorld's server waits for the end of it: seen to, until its 120 s are over
and beyond. Complaints of the Python itself are still heard."""

_TYPED = frozenset(string.printable) - frozenset("\r\v\f")


def pyautogui_code(action: Action) -> str:
    """
    >>> pyautogui_code(Click(Point(960, 540)))
    'pyautogui.click(960, 540)'

    Raises:
        ActionRefused: a key or a character that cannot be made.
    """
    match action:
        case Click(at=at, button=button, modifiers=modifiers, hold_seconds=hold) if hold:
            point = f"{_point(at)}, button={button!r}"
            press = f"pyautogui.mouseDown({point})"
            return _held(modifiers, f"{press}\ntime.sleep({hold:g})\npyautogui.mouseUp({point})")
        case Click(at=at, button=button, count=count, modifiers=modifiers):
            return _held(modifiers, _click(at, button, count))
        case Move(to=to):
            return f"pyautogui.moveTo({_point(to)})"
        case Drag(start=start, end=end, button=button, modifiers=modifiers):
            pull = f"{_point(end)}, duration={_DRAG_SECONDS}, button={button!r}"
            there = f"pyautogui.moveTo({_point(start)})"
            return _held(modifiers, f"{there}\npyautogui.dragTo({pull})")
        case Scroll(at=at, notches=notches, sideways=sideways, modifiers=modifiers):
            name = "hscroll" if sideways else "scroll"
            return _held(modifiers, f"pyautogui.{name}({notches}, {_point(at)})")
        case TypeText(text=text):
            refuse_untypable(text)
            return _typing(text)
        case Keys(keys=keys, presses=presses):
            return _striking(keys, presses)
        case Wait():
            return WAIT


def _point(point: Point) -> str:
    return f"{point.x}, {point.y}"


def _click(at: Point, button: str, count: int) -> str:
    more = "" if count == 1 else f", clicks={count}, interval=0.05"
    side = "" if button == "left" else f", button={button!r}"
    return f"pyautogui.click({_point(at)}{more}{side})"


def _held(modifiers: tuple[str, ...], calls: str) -> str:
    keys = [pyautogui_key(key) for key in modifiers]
    down = [f"pyautogui.keyDown({key!r})" for key in keys]
    up = [f"pyautogui.keyUp({key!r})" for key in reversed(keys)]
    return "\n".join([*down, calls, *up])


def _typing(text: str) -> str:
    if not _TYPED.issuperset(text):
        copying = f"import pyperclip\npyperclip.copy({text!r})"
        return f"{QUIET}\n{copying}\npyautogui.hotkey('ctrl', 'v')"
    less_than = f"pyautogui.hotkey{_LESS_THAN}"
    pieces = [f"pyautogui.write({piece!r})" if piece else "" for piece in text.split("<")]
    calls = [pieces[0]]
    for piece in pieces[1:]:
        calls += [less_than, piece]
    return "\n".join(call for call in calls if call)


def _striking(keys: tuple[str, ...], presses: int) -> str:
    names = [pyautogui_key(key) for key in keys]
    if "<" in names:
        at = names.index("<")
        names[at : at + 1] = _LESS_THAN
    if len(names) == 1:
        times = "" if presses == 1 else f", presses={presses}"
        return f"pyautogui.press({names[0]!r}{times})"
    chord = f"pyautogui.hotkey({', '.join(map(repr, names))})"
    return "\n".join([chord] * presses)
