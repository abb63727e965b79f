"""How an expert does the common things: click, fill a field, bring something into sight.

One canonical way per widget, in the same words every time: a small network learns them.
A function named after a goal gives the next move towards it, or None once it is reached.
"""

from env.actions import Click, Drag, Keys, Point, Scroll, TypeText, Wait
from env.actions import Move as PointerMove
from env.miniwob.experts.registry import ExpertLost, Move
from env.miniwob.experts.sight import Element, find
from env.miniwob.page import MiniWobPage
from env.screen import Box


def click(element: Element, name: str, thought: str = "", *, count: int = 1) -> Move:
    """Click it, or scroll towards it: `name` continues "Click ", e.g. `the "Submit" button`."""
    if element.at is None:
        return scroll_to(element, name)
    verb = {1: "Click", 2: "Double-click", 3: "Triple-click"}[count]
    return Move(
        action=Click(element.at, count=count),
        target=element.box_in_sight,
        words=f"{verb} {name}.",
        thought=thought,
    )


def press_button(
    page: MiniWobPage, selector: str, thought: str, *, text: str | None = None
) -> Move:
    """Click the first drawn button of the selector, called by what is written on it."""
    button = find(page, selector, text=text)
    return click(button, f'the "{button.text}" button', thought)


def submit(page: MiniWobPage, selector: str = "#subbtn") -> Move:
    return press_button(page, selector, "All is done; submit.")


def scroll_to(element: Element, name: str) -> Move:
    """One notch towards something out of sight; notches overlap in all lists but tiny ones.

    Raises:
        ExpertLost: it is covered, or nothing scrolls any further.
    """
    scroller = element.scroller
    if scroller is None:
        raise ExpertLost(f"{name} is at {element.box}, where no click can reach it")
    up = element.is_above
    if (scroller.room_above if up else scroller.room_below) < 1:
        raise ExpertLost(f"{name} is at {element.box} and the list scrolls no further")
    return scroll(scroller.at, scroller.box, 1 if up else -1, f"I cannot see {name} yet.")


def scroll(at: Point, box: Box, notches: int, thought: str = "") -> Move:
    return Move(
        action=Scroll(at, notches),
        target=box,
        words=f"Scroll {'up' if notches > 0 else 'down'} {abs(notches)}.",
        thought=thought,
    )


def fill(field: Element, text: str, name: str, thought: str = "") -> Move | None:
    """Towards the field holding exactly this text; None once it does.

    Focus by a click, replace what is wrong by ctrl+a and typing over it.
    """
    if field.value == text:
        return None
    if not field.focused:
        state = "has a wrong text" if field.value else "is empty"
        return click(field, name, thought or f"{name[:1].upper()}{name[1:]} {state}.")
    if field.value and not field.selected_whole:
        return keys("ctrl", "a", words=f"Select the text in {name}.", thought="Its text is wrong.")
    return type_text(text, name, f"Now type into {name}.")


def type_text(text: str, name: str, thought: str = "") -> Move:
    """Type into what has the focus; `name` says where, a newline at the end is "and enter"."""
    typed, enter = (text[:-1], " and press enter") if text.endswith("\n") else (text, "")
    return Move(
        action=TypeText(text),
        target=None,
        words=f'Type "{typed}" into {name}{enter}.',
        thought=thought,
    )


def keys(*names: str, presses: int = 1, words: str = "", thought: str = "") -> Move:
    chord = "+".join(names)
    times = f" {presses} times" if presses > 1 else ""
    return Move(
        action=Keys(names, presses),
        target=None,
        words=words or f"Press {chord}{times}.",
        thought=thought,
    )


def hover(element: Element, name: str, thought: str = "") -> Move:
    if element.at is None:
        return scroll_to(element, name)
    return Move(
        action=PointerMove(element.at),
        target=element.box_in_sight,
        words=f"Move the mouse to {name}.",
        thought=thought,
    )


def drag(start: Point, end: Point, box: Box, name: str, where: str, thought: str = "") -> Move:
    """`box` is what is dragged; `where` continues the sentence: "to the left box"."""
    return Move(action=Drag(start, end), target=box, words=f"Drag {name} {where}.", thought=thought)


def wait(seconds: float, thought: str) -> Move:
    return Move(
        action=Wait(seconds), target=None, words=f"Wait {seconds:g} seconds.", thought=thought
    )
