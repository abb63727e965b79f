"""Small games with numbers: guess, generate, compare, count up, turn a spinner."""

import re

from env.miniwob.experts.gestures import click, fill, keys, press_button, submit
from env.miniwob.experts.memory import note, recall
from env.miniwob.experts.registry import ExpertLost, Move, expert
from env.miniwob.experts.sight import find, find_all, find_shown
from env.miniwob.experts.sliding import STRIDES
from env.miniwob.page import MiniWobPage

FIRST_GUESS = 5
NEXT_GUESS = {
    ("lower", 5): 2,
    ("lower", 2): 1,
    ("lower", 1): 0,
    ("lower", 7): 6,
    ("higher", 5): 7,
    ("higher", 7): 8,
}
"""A search by halves in which the last answer alone says where it stands; otherwise by ones."""


@expert("guess-number")
def guess(page: MiniWobPage) -> Move:
    number, thought = _next_guess(page)
    move = fill(find(page, "#tt"), str(number), "the number field", thought)
    return move or press_button(page, "#subbtn", f"Try {number}.")


def _next_guess(page: MiniWobPage) -> tuple[int, str]:
    for kind, step in (("lower", -1), ("higher", 1)):
        for feedback in find_shown(page, f"#{kind}"):
            last = int(re.sub(r"\D", "", feedback.text))
            number = NEXT_GUESS.get((kind, last), last + step)
            return number, f"It is {kind} than {last}; try {number}."
    return FIRST_GUESS, f"Start with {FIRST_GUESS}."


@expert("generate-number")
def generate(page: MiniWobPage) -> Move:
    number = find(page, "#display-number").text
    if number != "-" and _suits(int(number), page.instruction):
        return press_button(page, "#submit", f"{number} will do; submit.")
    thought = "There is no number yet." if number == "-" else f"{number} will not do."
    return press_button(page, "#generate", thought)


def _suits(number: int, instruction: str) -> bool:
    limit = re.search(r"(less|greater) than (\d+)", instruction)
    if limit is not None:
        return number < int(limit[2]) if limit[1] == "less" else number > int(limit[2])
    return number % 2 == (1 if " odd " in instruction else 0)


@expert("odd-or-even")
def odd_or_even(page: MiniWobPage) -> Move:
    numbers = find_all(page, ".row .display-number")
    buttons = {kind: find_all(page, f".row .{kind}") for kind in ("odd", "even")}
    for row, number in enumerate(numbers):
        kind = "odd" if int(number.text) % 2 else "even"
        button = buttons[kind][row]
        if "selected" not in button.classes:
            name = f'"{button.text}" beside {number.text}'
            return click(button, name, f"{number.text} is {kind}.")
    return press_button(page, "#submit", "All is done; submit.")


@expert("find-greatest")
def find_greatest(page: MiniWobPage) -> Move:
    """Turn every card, from the left, then turn the greatest again: one at a time shows."""
    cards = find_all(page, "#cardholder > div")
    for index, card in enumerate(cards):
        if "hidden" not in card.classes:
            note(page, f"card {index}", int(card.text))
    seen = {int(key.split()[1]): value for key, value in recall(page).items()}
    so_far = ", ".join(str(seen[index]) for index in sorted(seen)) or "none"
    for index, card in enumerate(cards):
        if index not in seen:
            return click(card, f"card {index + 1}", f"Seen so far: {so_far}.")
    best = max(seen, key=lambda index: seen[index])
    if "hidden" in cards[best].classes:
        return click(cards[best], f"card {best + 1}", f"Of {so_far} this is the greatest.")
    return press_button(page, "#submit", f"{seen[best]} is the greatest; submit.")


@expert("ascending-numbers")
def ascending_numbers(page: MiniWobPage) -> Move:
    """After the first click black squares cover the numbers; their places are to be remembered."""
    numbers = find_shown(page, "#area_svg text")
    if numbers:
        return click(find(page, "#area_svg text", text="1"), "number 1", "Start with number 1.")
    square = find(page, "#area_svg rect")
    number = square.attributes["data-index"]
    return click(square, f"the place of number {number}", f"Number {number} is next.")


@expert("use-spinner")
def use_spinner(page: MiniWobPage) -> Move:
    asked = re.search(r"Select (-?\d+) with", page.instruction)
    if asked is None:
        raise ExpertLost(f"no number in {page.instruction!r}")
    field = find(page, "#spinner")
    shown = int(field.value or 0)
    missing = int(asked[1]) - shown
    if missing == 0:
        return submit(page)
    if not field.focused:
        return click(field, "the spinner", f"It shows {shown}.")
    stride = next(stride for stride in STRIDES if stride <= abs(missing))
    key = "up" if missing > 0 else "down"
    return keys(key, presses=stride, thought=f"It shows {shown}, not {asked[1]}.")
