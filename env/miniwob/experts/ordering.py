"""A menu of dishes with counters: order by name or by kind."""

import re

from env.miniwob.experts.gestures import click
from env.miniwob.experts.registry import ExpertLost, Move, expert
from env.miniwob.experts.sight import find, find_all
from env.miniwob.page import MiniWobPage


@expert("order-food")
def order_food(page: MiniWobPage) -> Move:
    """From the top: take off what is too much, add what is missing, then order."""
    names = [name.text for name in find_all(page, ".food-item .item-name")]
    counts = [int(dish.attributes["data-quantity"]) for dish in find_all(page, ".food-item")]
    wanted = _wanted(page, names, counts)
    add, remove = find_all(page, ".food-item .add"), find_all(page, ".food-item .remove")
    for row, name in enumerate(names):
        if counts[row] > wanted[row]:
            return click(remove[row], f'"-" of {name}', "This is too much.")
        if counts[row] < wanted[row]:
            return click(add[row], f'"+" of {name}', f"{name} is wanted.")
    button = find(page, "#submit-order button")
    return click(button, f'the "{button.text}" button', "All is done; order.")


def _wanted(page: MiniWobPage, names: list[str], counts: list[int]) -> list[int]:
    """How many of each dish: those named, or dishes of a kind, any of which will do."""
    named = re.search(r"one of each item: (.*)", page.instruction)
    if named is not None:
        dishes = re.split(r",\s*", named[1])
        return [int(name in dishes) for name in names]
    asked = re.search(r"Order (\d+) items that are (\S+)", page.instruction)
    if asked is None:
        raise ExpertLost(f"no order in {page.instruction!r}")
    number, kind = int(asked[1]), asked[2]
    kinds = page.evaluate(
        "() => [...document.querySelectorAll('.food-item')]"
        ".map(dish => [...dish.querySelectorAll('img')].map(icon => icon.alt))"
    )
    suits = [kind in of_dish for of_dish in kinds]
    wanted = [0] * len(names)
    # What is ordered already and suits stays; the rest comes from the first dish that suits.
    for row, count in enumerate(counts):
        if suits[row]:
            wanted[row] = min(count, number - sum(wanted))
    wanted[suits.index(True)] += number - sum(wanted)
    return wanted
