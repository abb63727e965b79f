"""A model's code block, walked as a syntax tree: a closed set of calls, each to one proposal.

The code is data. Nothing here executes it, looks a name up, or imports what it
imports; a statement outside the set is refused whole, with what was expected.
The calls are pyautogui's true signatures (0.9.54) and the three of OpenCUA's
`computer`. Timings (`duration`, `interval`, `pause`) are read and dropped: how
fast a hand moves is the backend's business.
"""

import ast
import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, cast, get_args

from agent.errors import BadArguments, NoCode, NotPython, UnknownCall, UnpairedCall
from agent.proposals import (
    ClickAt,
    DragFrom,
    Finish,
    Fraction,
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
from env.errors import ActionRefused
from env.keys import names_of, refuse_untypable

MAX_CODE_CHARACTERS = 10_000
MAX_CALLS = 100
DEFAULT_WAIT_SECONDS = 2.0
"""Of a bare `computer.wait()`. OSWorld waits 20 s; here a settled screen is waited for anyway."""

_BUTTONS = get_args(Button)


@dataclass(frozen=True, slots=True)
class _Held:
    """pyautogui.keyDown: an opening bracket until its keyUp."""

    key: str


@dataclass(frozen=True, slots=True)
class _Released:
    key: str


@dataclass(frozen=True, slots=True)
class _DragTo:
    """The second half of a drag; `relative` counts from where the first half left the pointer."""

    to: Fraction
    relative: bool
    button: Button


_Gesture = Proposal | _Held | _Released | _DragTo


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
    return _join(gestures)


def _statements(source: str) -> list[ast.stmt]:
    try:
        with warnings.catch_warnings():
            # "\d" in a typed text is worth a warning to a programmer, not to us.
            warnings.simplefilter("ignore")
            return ast.parse(source.strip()).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else type(error).__name__
        raise NotPython(f"the code block is not Python ({reason}); expected calls") from error


def _read_statement(statement: ast.stmt) -> list[_Gesture]:
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
    return read(_bind(name, call, parameters))


def _shown(node: ast.expr) -> str:
    return type(node).__name__


class _Arguments:
    """The literal arguments of one call, by parameter name; errors name the call."""

    def __init__(self, name: str, values: dict[str, object]) -> None:
        self.name = name
        self._values = values

    def get(self, parameter: str, default: object = None) -> object:
        value = self._values.get(parameter)
        return default if value is None else value

    def refuse(self, seen: str, expected: str) -> BadArguments:
        return BadArguments(f"{self.name}: {seen}; expected {expected}")

    def number(self, parameter: str, default: float | None = None) -> float:
        value = self.get(parameter, default)
        if value is None:
            raise self.refuse(f"no {parameter}", f"a number for {parameter}")
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.refuse(f"{parameter} is a {type(value).__name__}", "a number")
        # Compared before isfinite: an int of a thousand digits does not fit a float.
        if value != value or not -1e6 <= value <= 1e6:
            raise self.refuse(f"{parameter} is out of all bounds", "a finite number")
        return value

    def whole(self, parameter: str, default: int | None, low: int, high: int) -> int:
        value = self.number(parameter, default)
        if value != math.floor(value) or not low <= value <= high:
            raise self.refuse(f"{parameter}={value}", f"a whole number from {low} to {high}")
        return int(value)

    def text(self, parameter: str, default: str | None = None) -> str:
        value = self.get(parameter, default)
        if not isinstance(value, str):
            raise self.refuse(f"no text for {parameter}", f"{parameter} as a string")
        try:
            refuse_untypable(value)
        except ActionRefused as error:
            raise BadArguments(f"{self.name}: {error}") from error
        return value

    def point(self) -> Fraction:
        if self.get("x") is None or self.get("y") is None:
            raise self.refuse("no point", "x and y as fractions of the picture")
        return Fraction(float(self.number("x")), float(self.number("y")))

    def button(self) -> Button:
        button = self.text("button", "left")
        if button not in _BUTTONS:
            raise self.refuse(f"button={button[:20]!r}", f"one of {', '.join(_BUTTONS)}")
        return cast(Button, button)

    def keys(self, parameter: str) -> tuple[str, ...]:
        value = self.get(parameter)
        keys = [value] if isinstance(value, str) else value
        if not isinstance(keys, list) or not keys or not all(isinstance(k, str) for k in keys):
            raise self.refuse(f"no key names in {parameter}", "names such as 'enter', 'ctrl', 'a'")
        return tuple(self._key(key) for key in keys)

    def _key(self, key: str) -> str:
        if len(key) > 1 and "+" in key:
            raise self.refuse(f"one key named {key[:20]!r}", "a chord as hotkey('ctrl', 'c')")
        # Here and not on the screen: of an answer with one bad key nothing is to be performed.
        try:
            names_of(key[:20])
        except ActionRefused as error:
            raise BadArguments(f"{self.name}: {error}") from error
        return key if len(key) == 1 else key.lower()


_TIMING = ("interval", "duration", "tween", "pause", "logScreenshot", "_pause")
"""Accepted as keywords anywhere and dropped."""


def _bind(name: str, call: ast.Call, parameters: tuple[str, ...]) -> _Arguments:
    """Match arguments to parameters as Python would; a parameter `*keys` takes the rest."""
    values: dict[str, object] = {}
    positional = [_literal(name, argument) for argument in call.args]
    rest = parameters[-1].startswith("*") if parameters else False
    if rest and len(positional) == 1 and isinstance(positional[0], list):
        positional = positional[0]
    if rest and positional:
        values["keys"] = positional
        positional = []
    if len(positional) > len(parameters):
        raise BadArguments(
            f"{name}: {len(positional)} arguments; expected at most {len(parameters)}"
        )
    values.update(zip(parameters, positional, strict=False))
    known = {parameter.lstrip("*") for parameter in parameters} | set(_TIMING)
    for keyword in call.keywords:
        if keyword.arg is None or keyword.arg not in known:
            raise BadArguments(
                f"{name}: argument {(keyword.arg or '**')[:30]}; expected {', '.join(parameters)}"
            )
        if keyword.arg in values:
            raise BadArguments(f"{name}: {keyword.arg} given twice; expected it once")
        values[keyword.arg] = _literal(name, keyword.value)
    return _Arguments(name, values)


def _literal(name: str, node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=None | bool() | int() | float() | str() as value):
            return value
        case ast.UnaryOp(
            op=ast.USub() | ast.UAdd() as sign, operand=ast.Constant(value=int() | float() as value)
        ):
            return -value if isinstance(sign, ast.USub) else value
        case ast.List(elts=elements) | ast.Tuple(elts=elements) if len(elements) <= MAX_CALLS:
            return [_literal(name, element) for element in elements]
    raise BadArguments(
        f"{name}: an argument of kind {_shown(node)}; expected a plain number, text or list"
    )


def _click(button: Button | None, count: int | None) -> Callable[[_Arguments], list[_Gesture]]:
    def read(arguments: _Arguments) -> list[_Gesture]:
        clicks = count or arguments.whole("clicks", 1, 1, 3)
        return [ClickAt(arguments.point(), button or arguments.button(), clicks)]

    return read


def _drag(relative: bool) -> Callable[[_Arguments], list[_Gesture]]:
    def read(arguments: _Arguments) -> list[_Gesture]:
        return [_DragTo(arguments.point(), relative, arguments.button())]

    return read


def _scroll(arguments: _Arguments) -> list[_Gesture]:
    notches = arguments.whole("clicks", None, -MAX_NOTCHES, MAX_NOTCHES)
    if notches == 0:
        raise arguments.refuse("clicks=0", f"1 to {MAX_NOTCHES} notches, negative for down")
    named = arguments.get("x") is not None or arguments.get("y") is not None
    return [ScrollAt(notches, arguments.point() if named else None)]


def _write(arguments: _Arguments) -> list[_Gesture]:
    text = arguments.text("message")
    if not 1 <= len(text) <= MAX_TYPED_CHARACTERS:
        raise arguments.refuse(f"{len(text)} characters", f"1 to {MAX_TYPED_CHARACTERS}")
    return [WriteText(text)]


def _press(arguments: _Arguments) -> list[_Gesture]:
    presses = arguments.whole("presses", 1, 1, MAX_PRESSES)
    keys = arguments.keys("keys")
    if len(keys) == 1:
        return [PressKeys(keys, presses)]
    if presses * len(keys) > MAX_CALLS:
        raise arguments.refuse(f"{presses} times {len(keys)} keys", f"at most {MAX_CALLS} in all")
    return [PressKeys((key,)) for _ in range(presses) for key in keys]


def _wait(arguments: _Arguments) -> list[_Gesture]:
    seconds = float(arguments.number("seconds", DEFAULT_WAIT_SECONDS))
    if not 0.0 < seconds <= MAX_WAIT_SECONDS:
        raise arguments.refuse(f"{seconds} s", f"more than 0, at most {MAX_WAIT_SECONDS}")
    return [WaitFor(seconds)]


def _terminate(arguments: _Arguments) -> list[_Gesture]:
    status = arguments.text("status", "").lower()
    if status not in ("success", "failure", "fail"):
        raise arguments.refuse(f"status={status[:20]!r}", "'success' or 'failure'")
    return [Finish(status == "success", arguments.text("answer", ""))]


def _refuse_hscroll(arguments: _Arguments) -> list[_Gesture]:
    raise UnknownCall("pyautogui.hscroll: wheels here turn up and down only; drag the scrollbar")


_POINT = ("x", "y", "interval", "button", "duration")
_CALLS: dict[str, tuple[tuple[str, ...], Callable[[_Arguments], list[_Gesture]]]] = {
    "pyautogui.click": (("x", "y", "clicks", "interval", "button", "duration"), _click(None, None)),
    "pyautogui.doubleClick": (_POINT, _click(None, 2)),
    "pyautogui.tripleClick": (_POINT, _click(None, 3)),
    "pyautogui.rightClick": (("x", "y", "interval", "duration"), _click("right", 1)),
    "pyautogui.middleClick": (("x", "y", "interval", "duration"), _click("middle", 1)),
    "pyautogui.moveTo": (("x", "y", "duration", "tween"), lambda a: [MoveTo(a.point())]),
    "pyautogui.dragTo": (("x", "y", "duration", "tween", "button"), _drag(relative=False)),
    "pyautogui.drag": (("x", "y", "duration", "tween", "button"), _drag(relative=True)),
    "pyautogui.scroll": (("clicks", "x", "y"), _scroll),
    "pyautogui.hscroll": (("clicks", "x", "y"), _refuse_hscroll),
    "pyautogui.write": (("message", "interval"), _write),
    "pyautogui.typewrite": (("message", "interval"), _write),
    "pyautogui.press": (("keys", "presses", "interval"), _press),
    "pyautogui.hotkey": (("*keys",), lambda a: [PressKeys(a.keys("keys"))]),
    "pyautogui.keyDown": (("key",), lambda a: [_Held(key) for key in a.keys("key")]),
    "pyautogui.keyUp": (("key",), lambda a: [_Released(key) for key in a.keys("key")]),
    "computer.triple_click": (("x", "y"), _click("left", 3)),
    "computer.wait": (("seconds",), _wait),
    "computer.terminate": (("status", "answer"), _terminate),
    "time.sleep": (("seconds",), _wait),
}


def _join(gestures: list[_Gesture]) -> tuple[Proposal, ...]:
    """Halves into wholes: moveTo + dragTo, keyDown + click + keyUp; the same chord again."""
    proposals: list[Proposal] = []
    for proposal in _whole(gestures):
        if proposals and isinstance(proposals[-1], Finish):
            raise BadArguments("a call after computer.terminate; expected it to be the last")
        last = proposals[-1] if proposals else None
        if (
            isinstance(proposal, PressKeys)
            and isinstance(last, PressKeys)
            and last.keys == proposal.keys
            and last.presses + proposal.presses <= MAX_PRESSES
        ):
            proposals[-1] = replace(last, presses=last.presses + proposal.presses)
        else:
            proposals.append(proposal)
    return tuple(proposals)


def _whole(gestures: list[_Gesture]) -> Iterator[Proposal]:
    held: list[str] = []
    pointer: MoveTo | None = None
    for gesture in gestures:
        if pointer is not None and not isinstance(gesture, _DragTo):
            yield pointer
        start, pointer = pointer, None
        match gesture:
            case _Held(key=key) if key not in held:
                held.append(key)
            case _Released(key=key) if key in held:
                held.remove(key)
            case _Held(key=key) | _Released(key=key):
                raise UnpairedCall(f"keyDown/keyUp of {key!r} out of order; expected pairs")
            case _DragTo(to=to, relative=relative, button=button) if start and not held:
                end = Fraction(start.to.x + to.x, start.to.y + to.y) if relative else to
                yield DragFrom(start.to, end, button)
            case _DragTo():
                raise UnpairedCall("a drag without a start; expected moveTo(x, y) just before it")
            case MoveTo():
                pointer = gesture
            case ClickAt():
                yield replace(gesture, modifiers=tuple(held))
            case PressKeys():
                yield replace(gesture, keys=(*held, *gesture.keys))
            case _ if held:
                raise UnpairedCall(f"{held} held down around something other than a click or press")
            case _:
                yield gesture
    if pointer is not None:
        yield pointer
    if held:
        raise UnpairedCall(f"keyDown without keyUp for {held}; expected every key released")
