"""Menus and lists to choose from: nested menus, drop-down lists, lists that scroll."""

import re

from env.actions import Click
from env.miniwob.experts.gestures import click, hover, keys, press_button, type_text, wait
from env.miniwob.experts.registry import ExpertLost, Move, expert
from env.miniwob.experts.sight import Element, find, find_all
from env.miniwob.page import MiniWobPage


@expert("click-menu")
def walk_menu(page: MiniWobPage) -> Move:
    """Hover over every step of the path and click the last; a click on a step would choose it."""
    path = page.instruction.removeprefix("Select ").split(">")
    items = {item.text: item for item in find_all(page, "#menu li > div")}
    shown = [name for name in path if items[name].shown]
    if len(shown) == len(path):
        return click(items[path[-1]], f'"{path[-1]}"', "This is the item.")
    step = items[shown[-1]]
    if "ui-state-active" in step.classes:
        return wait(0.5, "The menu is about to open.")
    return hover(step, f'"{step.text}"', "Open its menu.")


@expert("click-menu-2")
def pick_from_menu(page: MiniWobPage) -> Move:
    name = _menu_item(page)
    items = {item.text: item for item in find_all(page, "#menu li > div")}
    if not items["Save"].shown:
        return press_button(page, "#open-menu", "The menu is closed.")
    if not items[name].shown:
        playback = items["Playback"]
        if "ui-state-active" in playback.classes:
            return wait(0.5, "The menu is about to open.")
        return hover(playback, '"Playback"', "Open its menu.")
    return click(items[name], f'"{name}"', "This is the item.")


@expert("choose-list")
def choose_by_typing(page: MiniWobPage) -> Move:
    """By keys: an open drop-down list is not in a browser's picture of the page."""
    wanted = _listed(page)
    select = find(page, "select")
    if select.value == wanted:
        return press_button(page, "#area button", "All is done; submit.")
    if not select.focused:
        back = find(page, "#area button").focused
        names = ("shift", "tab") if back else ("tab",)
        return keys(*names, thought="The list needs the focus.")
    options = [option.text for option in find_all(page, "option")]
    # Typing selects the first option that starts so, which may be a longer one.
    first = next((text for text in options if text.lower().startswith(wanted.lower())), wanted)
    if first == wanted:
        return type_text(wanted, "the list", f"The list shows {select.value}.")
    down = options.index(wanted) - options.index(select.value or "")
    return keys(
        "down" if down > 0 else "up", presses=abs(down), thought="It is further in the list."
    )


@expert("click-scroll-list")
def choose_several(page: MiniWobPage) -> Move:
    """A plain click chooses one and drops the rest; ctrl adds another."""
    wanted = _listed(page).split(", ")
    options = find_all(page, "#options option")
    chosen = set(page.evaluate("() => [...options.selectedOptions].map(o => o.text)"))
    missing = [option for option in options if option.text in wanted and option.text not in chosen]
    wrong = chosen - set(wanted)
    if not missing and not wrong:
        return press_button(page, "#area button", "All is done; submit.")
    if wrong or not chosen:
        first = next(option for option in options if option.text in wanted)
        return click(first, f'"{first.text}"', "It is to be selected.")
    return _ctrl_click(missing[0])


@expert("form-sequence-3")
def choose_from_dropdown(page: MiniWobPage) -> Move:
    asked = re.search(r'Choose (.*) from the dropdown, .* labeled "(.*)"', page.instruction)
    if asked is None:
        raise ExpertLost(f"no choice and button in {page.instruction!r}")
    wanted, button = asked.groups()
    if find_all(page, "#dropdown")[0].value == wanted:
        return press_button(page, "#buttons button", "Now the button.", text=button)
    items = [item for item in find_all(page, ".selectric-items li") if item.text == wanted]
    if items and items[0].shown:
        return click(items[0], f'"{wanted}"', "The list is open.")
    return click(find(page, ".selectric"), "the dropdown", "The list is closed.")


def _ctrl_click(option: Element) -> Move:
    plain = click(option, f'"{option.text}"', "It is to be selected, too.")
    if not isinstance(plain.action, Click):
        return plain
    return Move(
        action=Click(plain.action.at, modifiers=("ctrl",)),
        target=plain.target,
        words=f'Hold ctrl and click "{option.text}".',
        thought=plain.thought,
    )


def _listed(page: MiniWobPage) -> str:
    match = re.fullmatch(
        r"Select (.*) from the (?:scroll )?list and click Submit\.", page.instruction
    )
    if match is None:
        raise ExpertLost(f"no item of a list in {page.instruction!r}")
    return match[1]


def _menu_item(page: MiniWobPage) -> str:
    """The item's name; where the instruction shows its icon instead, the name beside that icon."""
    labeled = re.search(r'labeled "(.*)"', page.instruction)
    if labeled is not None:
        return labeled[1]
    icon = next(name for name in find(page, "#query span").classes if name != "ui-icon")
    return find_all(page, f"#menu div:has(> .{icon})")[0].text
