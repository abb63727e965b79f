"""The literal arguments of one call in a model's code: bound to parameters as Python would, each
read as what it must be. Nothing is evaluated."""

import ast
import math
from typing import Any, cast, get_args

from agent.errors import BadArguments
from agent.proposals import Fraction
from env.actions import Button
from env.errors import ActionRefused
from env.keys import names_of, refuse_untypable

MAX_ELEMENTS = 100
"""Of a list."""

_BUTTONS = get_args(Button)


class Arguments:
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


def bind(name: str, call: ast.Call, parameters: tuple[str, ...]) -> Arguments:
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
    return Arguments(name, values)


def _literal(name: str, node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=None | bool() | int() | float() | str() as value):
            return value
        case ast.UnaryOp(
            op=ast.USub() | ast.UAdd() as sign, operand=ast.Constant(value=int() | float() as value)
        ):
            return -value if isinstance(sign, ast.USub) else value
        case ast.List(elts=elements) | ast.Tuple(elts=elements) if len(elements) <= MAX_ELEMENTS:
            return [_literal(name, element) for element in elements]
    raise BadArguments(
        f"{name}: an argument of kind {type(node).__name__}; expected a plain number, text or list"
    )
