"""One thing is named in the instruction: find it and click it."""

import re

from env.miniwob.experts.gestures import click, press_button, submit
from env.miniwob.experts.registry import ExpertLost, Move, expert
from env.miniwob.experts.sight import Element, find, find_all, find_shown
from env.miniwob.page import MiniWobPage

FOUND = "Here it is."

WIDGETS = {
    "radio": "the radio button",
    "checkbox": "the checkbox",
    "text": "the text field",
    "textarea": "the text area",
    "button": "the button",
}


@expert("click-test")
def click_test(page: MiniWobPage) -> Move:
    return press_button(page, "#subbtn", FOUND)


@expert("click-test-2", "click-test-transfer")
def click_one(page: MiniWobPage) -> Move:
    return press_button(page, "#area button", FOUND, text=quoted(page, r"button (ONE|TWO)"))


@expert("click-button", "unicode-test")
def click_button(page: MiniWobPage) -> Move:
    return press_button(page, "#area button", FOUND, text=quoted(page, r'"(.*)" button'))


@expert("click-button-sequence")
def click_button_sequence(page: MiniWobPage) -> Move:
    pushed = page.evaluate("() => buttonsPushed.length")
    if pushed == 0:
        return press_button(page, "#area button", "Button ONE comes first.", text="ONE")
    return press_button(page, "#area button", "ONE is pushed; now TWO.", text="TWO")


@expert("click-link")
def click_link(page: MiniWobPage) -> Move:
    link = link_in_sight(page, quoted(page, r'link "(.*)"'))
    if link is None:
        raise ExpertLost("the link is not in sight")
    return click(link, f'the "{link.text}" link', FOUND)


@expert("click-dialog")
def click_dialog(page: MiniWobPage) -> Move:
    return click(find(page, ".ui-dialog-titlebar button"), 'the "x" button', "Close the dialog.")


@expert("click-dialog-2")
def click_dialog_2(page: MiniWobPage) -> Move:
    label = quoted(page, r'labeled "(.*)"')
    if label == "x":
        return click(find(page, ".ui-dialog-titlebar button"), 'the "x" button', FOUND)
    return press_button(page, ".ui-dialog-buttonset button", FOUND, text=label)


@expert("click-color")
def click_color(page: MiniWobPage) -> Move:
    color = quoted(page, r"on the (\w+) colored")
    return click(find(page, f'#area [data-color="{color}"]'), f"the {color} box", FOUND)


@expert("click-widget")
def click_widget(page: MiniWobPage) -> Move:
    kind = quoted(page, r'a "(\w+)" widget')
    for element in find_shown(page, f'#area [data-type="{kind}"]'):
        return click(element, WIDGETS[kind], FOUND)
    raise ExpertLost(f"no {kind} in sight")


@expert("click-tab")
def click_tab(page: MiniWobPage) -> Move:
    label = quoted(page, r"on (Tab #\d)")
    for tab in find_shown(page, "#area ul a"):
        if tab.text == label:
            return click(tab, f'the "{label}" tab', FOUND)
    raise ExpertLost(f"no tab {label}")


@expert("click-tab-2", "click-tab-2-easy", "click-tab-2-medium", "click-tab-2-hard")
def click_link_behind_a_tab(page: MiniWobPage) -> Move:
    """Without the link in sight, the tab after the open one: what is behind it cannot be seen."""
    link = link_in_sight(page, quoted(page, r'link "(.*)"'))
    if link is not None:
        return click(link, f'the "{link.text}" link', FOUND)
    tabs = find_all(page, "#area ul li")
    active = [n for n, tab in enumerate(tabs) if "ui-tabs-active" in tab.classes]
    following = tabs[(active[0] + 1) % len(tabs)] if active else tabs[0]
    return click(following, f'the "{following.text}" tab', "Not here; look in the next tab.")


@expert("click-collapsible", "click-collapsible-nodelay")
def click_collapsible(page: MiniWobPage) -> Move:
    header = find(page, "#area h3")
    if "ui-accordion-header-active" in header.classes:
        return submit(page)
    return click(header, f'the "{header.text}" header', "The section is closed.")


@expert("click-collapsible-2-nodelay")
def click_link_in_a_section(page: MiniWobPage) -> Move:
    """Only one section is open at a time; the next one after it, from the top again."""
    link = link_in_sight(page, quoted(page, r'link "(.*)"'))
    if link is not None:
        return click(link, f'the "{link.text}" link', FOUND)
    headers = find_all(page, "#area h3")
    active = [
        n for n, header in enumerate(headers) if "ui-accordion-header-active" in header.classes
    ]
    following = headers[(active[0] + 1) % len(headers)] if active else headers[0]
    return click(following, f'the "{following.text}" header', "Not here; open the next section.")


def link_in_sight(page: MiniWobPage, text: str) -> Element | None:
    """The first link with this text that can be clicked now; all links of one text count alike."""
    for link in find_shown(page, ".alink"):
        if link.at is not None and link.text == text:
            return link
    return None


def quoted(page: MiniWobPage, pattern: str) -> str:
    """The first group of a pattern in the instruction; raises as `groups` does."""
    return groups(page, pattern)[0]


def groups(page: MiniWobPage, pattern: str) -> tuple[str, ...]:
    """The groups of a pattern in the instruction.

    Raises:
        ExpertLost: the instruction reads otherwise.
    """
    match = re.search(pattern, page.instruction)
    if match is None:
        raise ExpertLost(f"the instruction {page.instruction!r} does not match {pattern!r}")
    return match.groups()
