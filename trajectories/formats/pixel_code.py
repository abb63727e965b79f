"""pyautogui code in pixels of a screen, as code in fractions of it.

What OSWorld's environment was sent, in the spelling our parser reads. The code
is walked as a syntax tree and written out again, never run; what is no plain
call with plain numbers stays as it is, for the parser to refuse.
"""

import ast

_POINT_FIRST = (
    *("click", "doubleClick", "tripleClick", "rightClick", "middleClick", "moveTo", "dragTo"),
    *("mouseDown", "mouseUp", "drag", "move"),
)
_POINT_SECOND = ("scroll", "vscroll", "hscroll")
DECIMALS = 5
"""Enough for the same pixel on any screen of less than 50,000."""
_ENDINGS = {
    "DONE": "computer.terminate(status='success')",
    "FAIL": "computer.terminate(status='failure')",
    "WAIT": "computer.wait()",
}


def in_fractions(code: str, width: int, height: int) -> str:
    """
    Args:
        code: calls of pyautogui, or OSWorld's DONE, FAIL or WAIT.

    >>> in_fractions("import pyautogui; pyautogui.click(960, y=540)", 1920, 1080)
    'import pyautogui\\npyautogui.click(0.5, y=0.5)'
    """
    if code.strip() in _ENDINGS:
        return _ENDINGS[code.strip()]
    try:
        tree = ast.parse(code.strip())
        return ast.unparse(_Scaled(width, height).visit(tree))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return code


class _Scaled(ast.NodeTransformer):
    def __init__(self, width: int, height: int) -> None:
        self._sides = {"x": width, "y": height}

    def visit_Call(self, call: ast.Call) -> ast.Call:
        name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        first = 0 if name in _POINT_FIRST else 1 if name in _POINT_SECOND else None
        if first is None:
            return call
        for place, axis in ((first, "x"), (first + 1, "y")):
            if place < len(call.args):
                call.args[place] = self._share(call.args[place], axis)
        for keyword in call.keywords:
            if keyword.arg in self._sides:
                keyword.value = self._share(keyword.value, keyword.arg)
        return call

    def _share(self, number: ast.expr, axis: str) -> ast.expr:
        match number:
            case ast.Constant(value=int() | float() as pixels) if not isinstance(pixels, bool):
                return ast.Constant(round(pixels / self._sides[axis], DECIMALS))
            case ast.UnaryOp(operand=ast.Constant() as operand):
                return ast.UnaryOp(number.op, self._share(operand, axis))
        return number
