"""Work out a short text, type it into the one field, submit."""

import re

from env.miniwob.experts.clicking import quoted
from env.miniwob.experts.gestures import click, fill, keys, submit
from env.miniwob.experts.registry import ExpertLost, Move, expert
from env.miniwob.experts.sight import find, find_all, find_shown
from env.miniwob.page import MiniWobPage

FIELD = "the text field"


@expert("enter-text-2")
def enter_text_in_case(page: MiniWobPage) -> Move:
    text = quoted(page, r'Type "(.*)" in all')
    wanted = text.upper() if "upper case" in page.instruction else text.lower()
    return fill(find(page, "#tt"), wanted, FIELD) or submit(page)


@expert("text-transform")
def text_transform(page: MiniWobPage) -> Move:
    text = find(page, "#captcha").text
    return fill(find(page, "#tt"), text, FIELD) or submit(page)


@expert("simple-arithmetic")
def simple_arithmetic(page: MiniWobPage) -> Move:
    first, sign, second = re.findall(r"\d+|[-+x]", find(page, "#math-problem").text)
    return answer(page, calculate(int(first), sign, int(second)))


@expert("simple-algebra")
def simple_algebra(page: MiniWobPage) -> Move:
    problem = find(page, "#math-problem").text
    left, sign, right, total = re.findall(r"x|\d+|[-+]", problem.replace("=", " "))
    if left == "x":
        return answer(page, int(total) - int(right) if sign == "+" else int(total) + int(right))
    return answer(page, int(total) - int(left) if sign == "+" else int(left) - int(total))


@expert("visual-addition")
def visual_addition(page: MiniWobPage) -> Move:
    return answer(page, len(find_shown(page, ".addition-block")))


def answer(page: MiniWobPage, number: int) -> Move:
    return fill(find(page, "#math-answer"), str(number), FIELD) or submit(page)


def calculate(first: int, sign: str, second: int) -> int:
    match sign:
        case "+":
            return first + second
        case "-":
            return first - second
        case "x":
            return first * second
        case _:
            raise ExpertLost(f"no sign {sign!r} is known; expected +, - or x")


@expert("use-autocomplete-nodelay")
def use_autocomplete(page: MiniWobPage) -> Move:
    """Type the beginning, take the first suggestion with the right ending, submit."""
    start = quoted(page, r'starts with "(.*?)"')
    end = quoted(page, r'ends with "(.*?)"') if "ends with" in page.instruction else ""
    field = find(page, "#tags")
    value = field.value or ""
    suggestions = [item for item in find_all(page, ".ui-menu-item") if item.shown]
    if not suggestions and fits(value, start, end) and value in page.evaluate("() => ITEMS"):
        return submit(page)
    for number, item in enumerate(suggestions):
        if not fits(item.text, start, end):
            continue
        if item.at is not None:
            return click(item, f'"{item.text}" in the list', "This one fits.")
        if value == item.text:
            return keys("enter", thought="This one fits.")
        # The list goes on below the screen; the keys reach all of it.
        steps = number + 1
        return keys("down", presses=steps, thought="It must be further down the list.")
    move = fill(field, start, FIELD)
    if move is not None:
        return move
    if not field.focused:
        return click(field, FIELD, "The list is closed.")
    return keys("down", thought="The list is closed.")


def fits(text: str, start: str, end: str) -> bool:
    return text.startswith(start) and text.endswith(end)
