"""OpenCUA's converter: an action told in words, read back as pyautogui actions.

With its rules as they are (xlang-ai/OpenCUA, DataProcessor, at b7a8ced), among
them: the hold of a long press is lost, a double right click is a right click,
shift and an arrow type the arrow's name, what follows a drag and begins with c
is a copy, points off the screen are moved to its border. Where their program
ends with an exception, the whole episode is refused here (`FormatError`).

An action is {"action_type", "target", "args"} as their files have it, points
as fractions.
"""

from collections.abc import Sequence
from typing import Any

from trajectories.errors import FormatError

GuiAction = dict[str, Any]

_CLICKS = (
    ("single right click", "rightClick"),
    ("double right click", "rightClick"),
    ("single left click", "click"),
    ("single x1 click", "click"),
    ("double left click", "doubleClick"),
    ("single middle click", "middleClick"),
    ("triple left click", "tripleClick"),
    ("mouse long press left button", "click"),
    ("mouse long press right button", "rightClick"),
    ("mouse long press middle button", "middleClick"),
)
_OTHERS = ("type", "press", "drag", "scroll", "terminate")
_CAPS_LOCK = "caps_lock"
_WRITTEN_BESIDE_LETTERS = frozenset("-_+~!@#$%^&*()[]{}|:\"'<>?/=–.,;`\\）（！ ，、。โต；§")
_WRITTEN_AFTER_SHIFT = frozenset("_=+~!@#$%^&*()[]{}|:-\"'<>?/.\\）（！，、。โต；§")
_WAYS = {
    "⬇️": (0, -1),
    "⬆️": (0, 1),
    "⬅️": (-1, 0),
    "➡️": (1, 0),
    "↙": (-1, -1),
    "↘": (1, -1),
    "↖": (-1, 1),
    "↗️": (1, 1),
}
"""Arrow to (right, up)."""


def gui_action(kind: str, **args: Any) -> GuiAction:
    return {"action_type": kind, "target": None, "args": args}


def told_as_actions(
    description: str, width: int, height: int, trace: Sequence[dict[str, Any]] | None = None
) -> list[GuiAction]:
    """
    Args:
        description: "Single left Click (12, 40)", "⌨️ Type: hello$enter$", ...
        width, height: of the screen the points are pixels of.
        trace: of a scroll, its ticks.

    Raises:
        FormatError: their converter would have failed.
    """
    told = description.lower()
    for words, kind in _CLICKS:
        if words in told:
            return [_clicked(kind, description, width, height)]
    kind = next((word for word in _OTHERS if word in told), "")
    match kind:
        case "type":
            actions = _typed(description.split("Type: ")[-1])
        case "press":
            actions = _pressed(description)
        case "drag":
            actions = _dragged(description, width, height)
        case "scroll":
            actions = _scrolled(description, width, height, trace)
        case "terminate":
            actions = [gui_action("terminate", status="success")]
        case _:
            raise FormatError(f"no action is told by {description!r}")
    return joined(actions)


def joined(actions: Sequence[GuiAction]) -> list[GuiAction]:
    """Texts in a row become one; a space or backspace after a text becomes part of it."""
    kept: list[GuiAction] = []
    for action in actions:
        kind, args = action["action_type"], action["args"]
        last = kept[-1] if kept and kept[-1]["action_type"] == "write" else None
        if kind == "press" and any("Unknown" in key for key in args["keys"]):
            continue
        if last is not None and kind == "press" and args["keys"] == ["space"]:
            last["args"]["message"] += " "
        elif last is not None and kind == "write":
            last["args"]["message"] += args["message"]
        elif last is not None and kind == "press" and args["keys"] == ["backspace"]:
            last["args"]["message"] = last["args"]["message"][:-1]
        else:
            kept.append(action)
    return kept


def _point(text: str) -> tuple[float, float]:
    try:
        x, y = map(float, text.split("(")[1].split(")")[0].split(","))
    except (IndexError, ValueError) as error:
        raise FormatError(f"no point in {text!r}") from error
    return x, y


def _share(pixels: float, side: int) -> float:
    return max(0, min(pixels, side)) / side


def _clicked(kind: str, description: str, width: int, height: int) -> GuiAction:
    x, y = _point(description)
    return gui_action(kind, x=_share(x, width), y=_share(y, height))


def _dragged(description: str, width: int, height: int) -> list[GuiAction]:
    start, _, end = description.partition("Drag from ")[2].partition(" to ")
    (from_x, from_y), (to_x, to_y) = _point(start), _point(end)
    return [
        gui_action(
            "moveTo",
            x=max(0, min(from_x / width, 1)),
            y=max(0, min(from_y / height, 1)),
        ),
        gui_action(
            "dragTo",
            x=max(0, min(to_x / width, 1)),
            y=max(0, min(to_y / height, 1)),
            button="left",
        ),
    ]


def _scrolled(
    description: str, width: int, height: int, trace: Sequence[dict[str, Any]] | None
) -> list[GuiAction]:
    if trace is not None:
        right = sum(tick["dx"] for tick in trace)
        up = sum(tick["dy"] for tick in trace)
        at = gui_action("moveTo", x=_share(trace[0]["x"], width), y=_share(trace[0]["y"], height))
        turns = [gui_action("hscroll", clicks=right)] if right else []
        return [at, *turns, *([gui_action("scroll", clicks=up)] if up else [])]
    return _scrolled_in_words(description)


def _scrolled_in_words(description: str) -> list[GuiAction]:
    ways = {"up": 0, "down": 0, "left": 0, "right": 0}
    for word in description.replace("Scroll ", "").split():
        arrow, times, count = word.partition("×")
        if times and arrow in _WAYS:
            right, up = _WAYS[arrow]
            ways["right" if right > 0 else "left"] += int(count) * abs(right)
            ways["up" if up > 0 else "down"] += int(count) * abs(up)
    if not any(ways.values()):
        raise FormatError(f"a scroll that goes nowhere: {description!r}")
    up, right = ways["up"] - ways["down"], ways["right"] - ways["left"]
    actions = []
    # "or" before "and", as theirs has it: upwards always, downwards if something is left.
    if ways["up"] or (ways["down"] and abs(up) >= 1):
        actions.append(gui_action("scroll", clicks=up))
    if ways["left"] or (ways["right"] and abs(right) >= 2):
        actions.append(gui_action("hscroll", clicks=right))
    return actions


def _typed(text: str) -> list[GuiAction]:
    actions: list[GuiAction] = []
    current, in_key = "", False
    for char in text:
        if char != "$":
            current += char
            continue
        if current:
            actions.append(_key_or_text(current, in_key))
        current, in_key = "", not in_key
    # A key that is never closed counts as text.
    return [*actions, _key_or_text(current, False)] if current else actions


def _key_or_text(current: str, is_key: bool) -> GuiAction:
    if is_key:
        return gui_action("press", keys=[current])
    return gui_action("write", message=_with_caps_lock(current))


def _with_caps_lock(text: str) -> str:
    """Between one "caps_lock" and the next in capitals."""
    pieces = text.split(_CAPS_LOCK)
    return "".join(piece.upper() if index % 2 else piece for index, piece in enumerate(pieces))


def _pressed(description: str) -> list[GuiAction]:
    flat = description.replace("\n", "")
    keys = _keys_of(flat.split("Press: ")[1] if "Press: " in flat else None, "+" in flat)
    if not keys:
        raise FormatError(f"no key in {description!r}")
    if keys[0] != "shift" or "cmd" in keys or "ctrl" in keys:
        return [gui_action("hotkey", keys=keys)]
    if len(keys) == 1 or keys == ["shift", "enter"]:
        return [gui_action("hotkey", keys=keys)]
    first = keys[1][0]
    if first.isalpha() or first.isdigit() or first in _WRITTEN_AFTER_SHIFT:
        written = _written_with_shift(keys[1:])
        return written or [gui_action("hotkey", keys=["shift"])]
    return []


def _keys_of(text: str | None, several: bool) -> list[str]:
    if text is None:
        raise FormatError("a press without what is pressed")
    keys = text.split(" + ") if several else [text]
    for index in range(len(keys)):
        key = keys[index]
        if key.startswith("$") and key.endswith("$") and key.count("$") == 2:
            key = keys[index] = key.replace("$", "")
        if "$" in key:
            head, *rest = key.split("$")
            keys[index] = head
            for offset, more in enumerate(rest):
                if more:
                    keys.insert(index + 1 + offset, more)
    # Removed while walked, as theirs does: of two empty ones in a row one stays.
    for index, key in enumerate(keys):
        if key == "":
            keys.pop(index)
    return keys


def _written_with_shift(keys: Sequence[str]) -> list[GuiAction]:
    """Everything struck while shift was down: the first letter a capital, the rest as it is."""
    actions: list[GuiAction] = []
    text = ""
    for index, name in enumerate(keys):
        key = _with_caps_lock(name) if _CAPS_LOCK in name else name
        if key == "backspace":
            if not text:
                actions.append(gui_action("press", keys=["backspace"]))
            text = text[:-1]
        elif key == "space":
            text += " "
        elif key in ("enter", "tab"):
            if text:
                actions.append(gui_action("write", message=text))
            text = ""
            actions.append(gui_action("press", keys=[key]))
        else:
            for place, char in enumerate(key):
                text += _shifted(char, first=index == 0 and place == 0)
    return [*actions, gui_action("write", message=text)] if text else actions


def _shifted(char: str, *, first: bool) -> str:
    if char.isascii() and char.isalpha():
        return char.upper() if first else char
    if char.isdigit() or char in _WRITTEN_BESIDE_LETTERS:
        return char
    raise FormatError(f"{char!r} after shift; their converter knows no such key")
