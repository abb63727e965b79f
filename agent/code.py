"""A model's code block, walked as a syntax tree: a closed set of calls, each to one proposal.

The code is data. Nothing here executes it, looks a name up, or imports what it
imports; a statement outside the set is refused whole, with what was expected.
The calls are pyautogui's true signatures (0.9.54) and the three of OpenCUA's
`computer`. Timings (`duration`, `interval`, `pause`) are read and dropped: how
fast a hand moves is the backend's business.
"""

import ast
import warnings
from collections.abc import Callable
from functools import partial

from agent.code_arguments import Arguments, bind
from agent.errors import BadArguments, NoCode, NotPython, UnknownCall
from agent.gestures import (
    ButtonHeld,
    ButtonReleased,
    DragTo,
    Gesture,
    KeyHeld,
    KeyReleased,
    join,
)
from agent.proposals import (
    ClickAt,
    Finish,
    MoveTo,
    PressKeys,
    Proposal,
    ScrollAt,
    WaitFor,
    WriteText,
)
from env.actions import (
    MAX_NOTCHES,
    MAX_PRESSES,
    MAX_TYPED_CHARACTERS,
    MAX_WAIT_SECONDS,
    Button,
)

MAX_CODE_CHARACTERS = 10_000
MAX_CALLS = 100
DEFAULT_WAIT_SECONDS = 2.0
"""Of a bare `computer.wait()`. OSWorld waits 20 s; here a settled screen is waited for anyway."""


def read_code(source: str) -> tuple[Proposal, ...]:
    """The proposals of a code block, in order.

    Raises:
        ParseError: one of its kinds, for the first thing that does not fit.
    """
    if len(source) > MAX_CODE_CHARACTERS:
        raise NotPython(f"{len(source)} characters of code; expected at most {MAX_CODE_CHARACTERS}")
    gestures = [
        gesture for statement in _statements(source) for gesture in _read_statement(statement)
    ]
    if not gestures:
        raise NoCode("a code block without a call; expected e.g. pyautogui.click(x=0.5, y=0.5)")
    if len(gestures) > MAX_CALLS:
        raise BadArguments(f"{len(gestures)} calls in one answer; expected at most {MAX_CALLS}")
    return join(gestures)


def _statements(source: str) -> list[ast.stmt]:
    try:
        with warnings.catch_warnings():
            # "\d" in a typed text is worth a warning to a programmer, not to us.
            warnings.simplefilter("ignore")
            return ast.parse(source.strip()).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else type(error).__name__
        raise NotPython(f"the code block is not Python ({reason}); expected calls") from error


def _read_statement(statement: ast.stmt) -> list[Gesture]:
    if isinstance(statement, ast.Import):
        names = {alias.name for alias in statement.names}
        if names <= {"pyautogui", "time"} and all(a.asname is None for a in statement.names):
            return []
        raise UnknownCall(f"import of {sorted(names)}; expected calls of pyautogui or computer")
    if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)):
        raise UnknownCall(
            f"a statement of kind {type(statement).__name__}; expected calls, one a line"
        )
    call = statement.value
    if not (isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name)):
        raise UnknownCall(
            f"a call of {_shown(call.func)}; expected pyautogui.NAME or computer.NAME"
        )
    name = f"{call.func.value.id}.{call.func.attr}"
    if name not in _CALLS:
        raise UnknownCall(f"{name[:60]} is not an action; expected one of {', '.join(_CALLS)}")
    parameters, read = _CALLS[name]
    return read(bind(name, call, parameters))


def _shown(node: ast.expr) -> str:
    return type(node).__name__


def _click(button: Button | None, count: int | None) -> Callable[[Arguments], list[Gesture]]:
    def read(arguments: Arguments) -> list[Gesture]:
        clicks = count or arguments.whole("clicks", 1, 1, 3)
        return [ClickAt(arguments.point(), button or arguments.button(), clicks)]

    return read


def _drag(relative: bool) -> Callable[[Arguments], list[Gesture]]:
    def read(arguments: Arguments) -> list[Gesture]:
        return [DragTo(arguments.point(), relative, arguments.button())]

    return read


def _scroll(arguments: Arguments, *, sideways: bool = False) -> list[Gesture]:
    notches = arguments.whole("clicks", None, -MAX_NOTCHES, MAX_NOTCHES)
    if notches == 0:
        raise arguments.refuse("clicks=0", f"1 to {MAX_NOTCHES} notches, negative for down")
    named = arguments.get("x") is not None or arguments.get("y") is not None
    return [ScrollAt(notches, arguments.point() if named else None, sideways)]


def _write(arguments: Arguments) -> list[Gesture]:
    text = arguments.text("message")
    if not 1 <= len(text) <= MAX_TYPED_CHARACTERS:
        raise arguments.refuse(f"{len(text)} characters", f"1 to {MAX_TYPED_CHARACTERS}")
    return [WriteText(text)]


def _press(arguments: Arguments) -> list[Gesture]:
    presses = arguments.whole("presses", 1, 1, MAX_PRESSES)
    keys = arguments.keys("keys")
    if len(keys) == 1:
        return [PressKeys(keys, presses)]
    if presses * len(keys) > MAX_CALLS:
        raise arguments.refuse(f"{presses} times {len(keys)} keys", f"at most {MAX_CALLS} in all")
    return [PressKeys((key,)) for _ in range(presses) for key in keys]


def _wait(arguments: Arguments) -> list[Gesture]:
    seconds = float(arguments.number("seconds", DEFAULT_WAIT_SECONDS))
    if not 0.0 < seconds <= MAX_WAIT_SECONDS:
        raise arguments.refuse(f"{seconds} s", f"more than 0, at most {MAX_WAIT_SECONDS}")
    return [WaitFor(seconds)]


def _terminate(arguments: Arguments) -> list[Gesture]:
    status = arguments.text("status", "").lower()
    if status not in ("success", "failure", "fail"):
        raise arguments.refuse(f"status={status[:20]!r}", "'success' or 'failure'")
    return [Finish(status == "success", arguments.text("answer", ""))]


def _button_half(half: type[ButtonHeld | ButtonReleased]) -> Callable[[Arguments], list[Gesture]]:
    def read(arguments: Arguments) -> list[Gesture]:
        named = arguments.get("x") is not None or arguments.get("y") is not None
        return [half(arguments.point() if named else None, arguments.button())]

    return read


_POINT = ("x", "y", "interval", "button", "duration")
_CALLS: dict[str, tuple[tuple[str, ...], Callable[[Arguments], list[Gesture]]]] = {
    "pyautogui.click": (("x", "y", "clicks", "interval", "button", "duration"), _click(None, None)),
    "pyautogui.doubleClick": (_POINT, _click(None, 2)),
    "pyautogui.tripleClick": (_POINT, _click(None, 3)),
    "pyautogui.rightClick": (("x", "y", "interval", "duration"), _click("right", 1)),
    "pyautogui.middleClick": (("x", "y", "interval", "duration"), _click("middle", 1)),
    "pyautogui.moveTo": (("x", "y", "duration", "tween"), lambda a: [MoveTo(a.point())]),
    "pyautogui.dragTo": (("x", "y", "duration", "tween", "button"), _drag(relative=False)),
    "pyautogui.drag": (("x", "y", "duration", "tween", "button"), _drag(relative=True)),
    "pyautogui.scroll": (("clicks", "x", "y"), _scroll),
    "pyautogui.vscroll": (("clicks", "x", "y"), _scroll),
    "pyautogui.hscroll": (("clicks", "x", "y"), partial(_scroll, sideways=True)),
    "pyautogui.mouseDown": (("x", "y", "button"), _button_half(ButtonHeld)),
    "pyautogui.mouseUp": (("x", "y", "button"), _button_half(ButtonReleased)),
    "pyautogui.write": (("message", "interval"), _write),
    "pyautogui.typewrite": (("message", "interval"), _write),
    "pyautogui.press": (("keys", "presses", "interval"), _press),
    "pyautogui.hotkey": (("*keys",), lambda a: [PressKeys(a.keys("keys"))]),
    "pyautogui.keyDown": (("key",), lambda a: [KeyHeld(key) for key in a.keys("key")]),
    "pyautogui.keyUp": (("key",), lambda a: [KeyReleased(key) for key in a.keys("key")]),
    "computer.triple_click": (("x", "y"), _click("left", 3)),
    "computer.wait": (("seconds",), _wait),
    "computer.terminate": (("status", "answer"), _terminate),
    "time.sleep": (("seconds",), _wait),
}
