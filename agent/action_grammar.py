"""The code of an answer as a grammar, so that a model can be kept from writing any other.

What it lets through, `agent.code` reads without an error about its form; numbers out of
bounds and halves of gestures are still refused there. It holds from an opened code block to
its end: what the model thinks and says stays its own.
"""

from env.keys import KEYS
from model.messages import Constraint

_MODIFIERS = ("ctrl", "shift", "alt", "win")
"""Held from the first to the last of them, so that none is held twice."""

_GRAMMAR = r"""
start: (call "\n")* (call | finish) "\n```"

call: click | held0 | held1 | held2 | held3
    | move | scroll | press
    | ("pyautogui.write(" | "pyautogui.typewrite(") "message="? TEXT ")"
    | "pyautogui.press(" KEY (", presses=" PRESSES)? ")"
    | "pyautogui.hotkey(" (KEY (", " KEY)* | "[" KEY (", " KEY)* "]") ")"
    | "computer.wait(" ("seconds="? SECONDS)? ")"

move: "pyautogui.moveTo(" point ")" ("\npyautogui.dragTo(" point (", button=" button)? ")")?
scroll: ("pyautogui.scroll(" | "pyautogui.hscroll(") CLICKS (", " point)? ")"
press: "pyautogui.mouseDown(" point (", button=" button)? ")" let_go
let_go: "\ntime.sleep(" SECONDS ")\npyautogui.mouseUp()"

click: "pyautogui.click(" point (", clicks=" COUNT)? (", button=" button)? ")"
     | "pyautogui.doubleClick(" point ")"
     | "pyautogui.tripleClick(" point ")"
     | "pyautogui.rightClick(" point ")"
     | "pyautogui.middleClick(" point ")"
     | "computer.triple_click(" point ")"

finish: "computer.terminate(status='" ("success" | "failure") "'" (", answer=" TEXT)? ")"

point: "x=" FRACTION ", y=" FRACTION
button: "'left'" | "'right'" | "'middle'"

FRACTION: /0(\.[0-9]{1,6})?|1(\.0{1,6})?/
COUNT: /[1-3]/
PRESSES: /[1-9]|[1-4][0-9]|50/
CLICKS: /-?([1-9]|[1-4][0-9]|50)/
SECONDS: /[0-9](\.[0-9])?|10/
KEY: "\"'\"" | "'" (/[ -&(-\[\]-~]/ | KEY_NAME) "'"
TEXT: "'" /([^'\\\n\x00-\x1f\x7f-\x9f]|\\[nt'"\\]){1,400}/ "'"
    | "\"" /([^"\\\n\x00-\x1f\x7f-\x9f]|\\[nt'"\\]){1,400}/ "\""
"""

_KEY_NAMES = "KEY_NAME: " + " | ".join(f'"{name}"' for name in sorted(KEYS))


def _held() -> str:
    """Mouse gestures with keys held down: each of them, the later ones inside the earlier."""
    rules = []
    for n, key in enumerate(_MODIFIERS):
        inside = [
            "click",
            "move",
            "scroll",
            "press",
            *(f"held{m}" for m in range(n + 1, len(_MODIFIERS))),
        ]
        rules.append(
            f"held{n}: \"pyautogui.keyDown('{key}')\\n\" ({' | '.join(inside)}) "
            f"\"\\npyautogui.keyUp('{key}')\"\n"
        )
    return "".join(rules)


ACTIONS = Constraint(
    grammar=_GRAMMAR + _held() + _KEY_NAMES,
    openings=("## Code:\n```python\n", "## Code:\n```code\n"),
)
