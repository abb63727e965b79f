"""An action as the text a model is to write for it: what experts' demonstrations say.

The inverse of `agent.parser`. The format is fixed and short, since a small
network spends a decoding step on every token of it:

    ## Thought:
    The name is typed; submit.
    ## Action:
    Click the "Submit" button.
    ## Code:
    ```python
    pyautogui.click(x=0.52, y=0.31)
    ```

Points carry as many decimals as it takes to come within about a pixel: two on
a page of 160x210, three on a screen of 1280 or 1920.
"""

from agent.coords import to_fraction
from env.actions import Action, Click, Drag, Keys, Move, Point, Scroll, TypeText, Wait
from env.screen import ScreenSize

_CLICK_NAMES = {
    ("left", 1): "click",
    ("left", 2): "doubleClick",
    ("left", 3): "tripleClick",
    ("right", 1): "rightClick",
    ("middle", 1): "middleClick",
}


def action_text(action: Action, size: ScreenSize, *, words: str, thought: str = "") -> str:
    """The whole answer that proposes `action`; without a thought its section is left out."""
    tag = "code" if isinstance(action, Wait) else "python"
    return _answer(tag, code_of(action, size), words=words, thought=thought)


def finish_text(success: bool, *, words: str, thought: str = "") -> str:
    """The answer that ends the task."""
    status = "success" if success else "failure"
    code = f"computer.terminate(status='{status}')"
    return _answer("code", code, words=words, thought=thought)


def code_of(action: Action, size: ScreenSize) -> str:
    """The code alone, one call a line; points as fractions of the screen."""
    match action:
        case Click(at=at, button=button, modifiers=modifiers, hold_seconds=hold) if hold:
            down = f"pyautogui.mouseDown({_point(at, size)}, button='{button}')"
            return _held(modifiers, f"{down}\ntime.sleep({hold:g})\npyautogui.mouseUp()")
        case Click(at=at, button=button, count=count, modifiers=modifiers):
            point = _point(at, size)
            name = _CLICK_NAMES.get((button, count))
            call = (
                f"pyautogui.{name}({point})"
                if name
                else f"pyautogui.click({point}, clicks={count}, button='{button}')"
            )
            return _held(modifiers, call)
        case Move(to=to):
            return f"pyautogui.moveTo({_point(to, size)})"
        case Drag(start=start, end=end, button=button, modifiers=modifiers):
            ending = "" if button == "left" else f", button='{button}'"
            return _held(
                modifiers,
                f"pyautogui.moveTo({_point(start, size)})\n"
                f"pyautogui.dragTo({_point(end, size)}{ending})",
            )
        case Scroll(at=at, notches=notches, sideways=sideways, modifiers=modifiers):
            name = "hscroll" if sideways else "scroll"
            return _held(modifiers, f"pyautogui.{name}({notches}, {_point(at, size)})")
        case TypeText(text=text):
            return f"pyautogui.write({text!r})"
        case Keys(keys=(key,), presses=1):
            return f"pyautogui.press({key!r})"
        case Keys(keys=(key,), presses=presses):
            return f"pyautogui.press({key!r}, presses={presses})"
        case Keys(keys=keys, presses=presses):
            chord = f"pyautogui.hotkey({', '.join(map(repr, keys))})"
            return "\n".join([chord] * presses)
        case Wait(seconds=seconds):
            return f"computer.wait({seconds:g})"


def _held(modifiers: tuple[str, ...], calls: str) -> str:
    down = [f"pyautogui.keyDown({key!r})" for key in modifiers]
    up = [f"pyautogui.keyUp({key!r})" for key in reversed(modifiers)]
    return "\n".join([*down, calls, *up])


def _point(point: Point, size: ScreenSize) -> str:
    x, y = to_fraction(point, size)
    decimals = 2
    # Rounding moves a point by half of the last decimal at most.
    while max(size) / 10**decimals > 2.5:
        decimals += 1
    return f"x={x:.{decimals}f}, y={y:.{decimals}f}"


def _answer(tag: str, code: str, *, words: str, thought: str) -> str:
    opening = f"## Thought:\n{thought}\n" if thought else ""
    return f"{opening}## Action:\n{words}\n## Code:\n```{tag}\n{code}\n```"
