"""Sliders and the colour field: focus, then keys until the shown value is the wanted one."""

import re

from env.miniwob.experts.clicking import quoted
from env.miniwob.experts.dates import click_beside
from env.miniwob.experts.gestures import click, fill, keys, submit
from env.miniwob.experts.registry import Move, expert
from env.miniwob.experts.sight import Element, find, find_all
from env.miniwob.page import MiniWobPage

STRIDES = (50, 20, 10, 5, 2, 1)
"""Presses in one action: the largest that does not overshoot. A closed set is easier to learn
than any number, and a wrong stride is mended by the next."""


@expert("use-slider")
def use_slider(page: MiniWobPage) -> Move:
    wanted = int(quoted(page, r"Select (-?\d+) with"))
    shown = int(find(page, "#val").text)
    return slide(find(page, ".ui-slider-handle"), "the slider", shown, wanted) or submit(page)


@expert("use-slider-2")
def use_three_sliders(page: MiniWobPage) -> Move:
    wanted = [int(number) for number in re.findall(r"\d+", page.instruction)]
    handles = find_all(page, ".ui-slider-handle")
    values = find_all(page, "[id^=val-]")
    for nth, handle, value, want in zip(
        ("first", "second", "third"), handles, values, wanted, strict=True
    ):
        move = slide(handle, f"the {nth} slider", int(value.text), want)
        if move is not None:
            return move
    return submit(page)


def slide(handle: Element, name: str, shown: int, wanted: int) -> Move | None:
    if shown == wanted:
        return None
    if not handle.focused:
        return click(handle, name, f"Not {wanted} yet.")
    distance = abs(wanted - shown)
    stride = next(stride for stride in STRIDES if stride <= distance)
    key = "right" if wanted > shown else "left"
    return keys(key, presses=stride, thought=f"It shows {shown}, not {wanted}.")


@expert("use-colorwheel")
def use_colorwheel(page: MiniWobPage) -> Move:
    name = quoted(page, r"Select (\w+) with")
    return type_color(page, page.evaluate("name => ui_utils.colorNameToHex(name)", name))


@expert("use-colorwheel-2")
def use_colorwheel_of_swatch(page: MiniWobPage) -> Move:
    color = page.evaluate("() => document.querySelector('.cc').style.backgroundColor")
    return type_color(page, "#" + "".join(f"{int(n):02x}" for n in re.findall(r"\d+", color)))


def type_color(page: MiniWobPage, color: str) -> Move:
    """The field takes the colour as six hexadecimal digits; the open picker covers Submit."""
    field = find(page, "#col")
    move = fill(field, color.removeprefix("#").upper(), "the color field")
    if move is not None:
        return move
    if field.focused:
        return click_beside("The picker covers the button.")
    return submit(page)
