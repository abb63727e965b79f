"""Other agents' pyautogui code, as OSWorld's protocol carries it: points are pixels of the screen.

Read as a model's code is (`agent.code`), never executed. On top of that come three habits of
those agents: the fail-safe is switched off first, text goes over the clipboard (typed here, and
the clipboard left alone), and points are pixels.
"""

import ast
from collections.abc import Iterator
from dataclasses import replace

from agent.code import read_code
from agent.coords import to_screen
from agent.errors import NotPython
from agent.proposals import (
    ClickAt,
    DragFrom,
    Finish,
    Fraction,
    MoveTo,
    Proposal,
    ScrollAt,
    WriteText,
)
from env.actions import Action
from env.pyautogui_code import LEAN, QUIET
from env.screen import ScreenSize

_SETTINGS = ("FAILSAFE", "PAUSE", "MINIMUM_DURATION", "MINIMUM_SLEEP", "DARWIN_CATCH_UP_TIME")
_OURS = frozenset(ast.unparse(each) for each in ast.parse(f"{LEAN}\n{QUIET}").body)
"""What our own client sends before actions; as it stands, and nothing like it."""
_PASTE = (["ctrl", "v"], ["ctrl", "V"], ["ctrl", "shift", "v"])


def is_desktop_code(source: str) -> bool:
    """Whether a piece of Python is about mouse and keyboard: it names pyautogui."""
    return "pyautogui" in source


def read_pixel_code(source: str, size: ScreenSize) -> tuple[Action, ...]:
    """The actions of the code, in order.

    >>> read_pixel_code("pyautogui.click(10, 20)", ScreenSize(100, 100))
    (Click(at=Point(x=10, y=20), button='left', count=1, modifiers=(), hold_seconds=0.0),)

    Raises:
        ParseError: something that is no action.
        GroundingError: a point off the screen.
    """
    try:
        statements = ast.parse(source.strip()).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise NotPython(f"the code is not Python ({error})") from error
    proposals: list[Proposal] = []
    for part in _parts(statements):
        proposals += (part,) if isinstance(part, WriteText) else read_code(part)
    return tuple(
        to_screen(_in_fractions(each, size), size)
        for each in proposals
        if not isinstance(each, Finish)
    )


def _parts(statements: list[ast.stmt]) -> Iterator[str | WriteText]:
    """The code cut where something was pasted; a pasted text is one to be typed."""
    plain: list[str] = []
    waiting = list(statements)
    while waiting:
        statement = waiting.pop(0)
        copied = _copied(statement)
        if copied is not None and waiting and _pastes(waiting[0]):
            waiting.pop(0)
            if plain:
                yield "\n".join(plain)
                plain = []
            yield WriteText(copied)
        elif not _is_setting(statement):
            plain.append(ast.unparse(statement))
    if plain:
        yield "\n".join(plain)


def _copied(statement: ast.stmt) -> str | None:
    """The text of `pyperclip.copy(TEXT)`."""
    match statement:
        case ast.Expr(
            value=ast.Call(
                func=ast.Attribute(value=ast.Name(id="pyperclip"), attr="copy"),
                args=[ast.Constant(value=str() as text)],
                keywords=[],
            )
        ) if text:
            return text
    return None


def _pastes(statement: ast.stmt) -> bool:
    match statement:
        case ast.Expr(
            value=ast.Call(
                func=ast.Attribute(value=ast.Name(id="pyautogui"), attr="hotkey"), args=keys
            )
        ):
            return [key.value for key in keys if isinstance(key, ast.Constant)] in _PASTE
    return False


def _is_setting(statement: ast.stmt) -> bool:
    match statement:
        case ast.Import(names=[ast.alias(name="pyperclip" | "pyautogui" | "time", asname=None)]):
            return True
        case ast.Assign(
            targets=[ast.Attribute(value=ast.Name(id="pyautogui"), attr=name)],
            value=ast.Constant(),
        ):
            return name in _SETTINGS
    return ast.unparse(statement) in _OURS


def _in_fractions(proposal: Proposal, size: ScreenSize) -> Proposal:
    """The same in the frame that `agent.coords` reads; a whole pixel comes back as itself."""

    def at(point: Fraction) -> Fraction:
        # The first pixel beyond the edge would be taken for the edge itself.
        x, y = point.x / size.width, point.y / size.height
        return Fraction(2.0 if x == 1.0 else x, 2.0 if y == 1.0 else y)

    match proposal:
        case ClickAt(at=point):
            return replace(proposal, at=at(point))
        case MoveTo(to=point):
            return MoveTo(at(point))
        case DragFrom(start=start, end=end):
            return replace(proposal, start=at(start), end=at(end))
        case ScrollAt(at=Fraction() as point):
            return replace(proposal, at=at(point))
        case _:
            return proposal
