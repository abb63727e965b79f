"""Fields to be filled from the instruction: texts, passwords, logins, forms of three fields."""

import re

from env.miniwob.experts.gestures import click, fill, keys, press_button, submit
from env.miniwob.experts.registry import ExpertLost, Move, expert
from env.miniwob.experts.sight import Element, find, find_all, find_shown
from env.miniwob.experts.sliding import slide
from env.miniwob.page import MiniWobPage

ORDINALS = {"1st": 0, "2nd": 1, "3rd": 2}


def quoted(page: MiniWobPage) -> list[str]:
    """The parts of the instruction in double quotes, in order."""
    return re.findall(r'"([^"]*)"', page.instruction)


def first_move(*moves: Move | None) -> Move:
    """The first thing that is left to do; the last of them is never None."""
    for move in moves:
        if move is not None:
            return move
    raise AssertionError("nothing is left to do, not even submitting")


@expert("enter-text", "enter-text-dynamic")
def enter_text(page: MiniWobPage) -> Move:
    (text,) = quoted(page)
    return first_move(fill(find(page, "#tt"), text, "the text field"), submit(page))


@expert("enter-password")
def enter_password(page: MiniWobPage) -> Move:
    (password,) = quoted(page)
    return first_move(
        fill(find(page, "#password"), password, "the password field"),
        fill(find(page, "#verify"), password, "the verify field"),
        submit(page),
    )


@expert("login-user", "login-user-popup")
def login(page: MiniWobPage) -> Move:
    if find_shown(page, "#popup-cancel"):
        return press_button(page, "#popup-cancel", "A popup is in the way.")
    user, password = quoted(page)
    return first_move(
        fill(find(page, "#username"), user, "the username field"),
        fill(find(page, "#password"), password, "the password field"),
        submit(page),
    )


@expert("focus-text")
def focus_text(page: MiniWobPage) -> Move:
    return click(find(page, "#tt"), "the text field", "It needs the focus.")


@expert("focus-text-2")
def focus_one_of_three(page: MiniWobPage) -> Move:
    ordinal = _ordinal(page.instruction)
    field = find_all(page, "#area input")[ORDINALS[ordinal]]
    return click(field, f"the {ordinal} text field", "It needs the focus.")


@expert("multi-layouts", "multi-orderings")
def search_movies(page: MiniWobPage) -> Move:
    """The same three fields in five layouts; from the top, in the order they are drawn."""
    asked = re.search(r"for (\S+) movies directed by (.+) from year (\d+)", page.instruction)
    if asked is None:
        raise ExpertLost(f"no genre, director and year in {page.instruction!r}")
    wanted = dict(zip(("genre", "director", "year"), asked.groups(), strict=True))
    rows = find_shown(page, "#area p, .row, #area tr, .field, .ui-entry")
    fields = find_shown(page, "#area input")
    moves = [
        fill(field, wanted[_meaning(row)], f"the {_meaning(row)} field")
        for row, field in zip(rows, fields, strict=True)
    ]
    button = find(page, "#area button, .final, .ui-submit")
    return first_move(*moves, click(button, f'the "{button.text}" button', "All is done; submit."))


@expert("find-word")
def find_word(page: MiniWobPage) -> Move:
    asked = re.search(r"(\d+)(?:st|nd|rd|th) word", page.instruction)
    if asked is None:
        raise ExpertLost(f"no number of a word in {page.instruction!r}")
    words = find(page, "#area p").text.split()
    word = re.sub(r"[^A-Za-z]", "", words[int(asked[1]) - 1])
    return first_move(
        fill(find(page, "#answer-input"), word, "the text field", f"Word {asked[1]} is {word}."),
        submit(page),
    )


@expert("form-sequence")
def slider_and_checkbox(page: MiniWobPage) -> Move:
    asked = re.search(r"Select (-?\d+) with the slider, click the (\w+) checkbox", page.instruction)
    if asked is None:
        raise ExpertLost(f"no number and checkbox in {page.instruction!r}")
    shown = int(find(page, "#val").text)
    move = slide(find(page, ".ui-slider-handle"), "the slider", shown, int(asked[1]))
    if move is not None:
        return move
    boxes = find_all(page, "#area input[type=checkbox]")
    for (ordinal, index), box in zip(ORDINALS.items(), boxes, strict=True):
        if box.checked != (index == ORDINALS[asked[2]]):
            thought = "It must not be checked." if box.checked else "It is not checked."
            return click(box, f"the {ordinal} checkbox", thought)
    return submit(page)


@expert("form-sequence-2")
def radio_and_text(page: MiniWobPage) -> Move:
    asked = re.search(r'the (\w+) radio .* "(-?\d+)" into the (\w+) text', page.instruction)
    if asked is None:
        raise ExpertLost(f"no radio button and number in {page.instruction!r}")
    radio, number, ordinal = asked.groups()
    button = find_all(page, "#area input[type=radio]")[ORDINALS[radio]]
    if not button.checked:
        return click(button, f"the {radio} radio button", "It is not checked.")
    fields = find_all(page, "#area input[type=text]")
    for index, field in enumerate(fields):
        wanted = number if index == ORDINALS[ordinal] else ""
        move = _clear(field) if wanted == "" else fill(field, wanted, f"the {ordinal} text field")
        if move is not None:
            return move
    return submit(page)


def _clear(field: Element) -> Move | None:
    """Towards an empty field."""
    if not field.value:
        return None
    if not field.focused:
        return click(field, "the wrong text field", "It should be empty.")
    if not field.selected_whole:
        return keys("ctrl", "a", thought="It should be empty.")
    return keys("delete", thought="It should be empty.")


def _ordinal(instruction: str) -> str:
    for ordinal in ORDINALS:
        if ordinal in instruction:
            return ordinal
    raise ExpertLost(f"neither 1st, 2nd nor 3rd in {instruction!r}")


def _meaning(row: Element) -> str:
    text = row.text.lower()
    for word, meaning in (
        ("genre", "genre"),
        ("director", "director"),
        ("year", "year"),
        ("released", "year"),
    ):
        if word in text:
            return meaning
    raise ExpertLost(f"no genre, director or year in the row {row.text!r}")
