"""Text to be selected, copied and pasted."""

import re

from env.miniwob.experts.gestures import click, keys, submit
from env.miniwob.experts.memory import copied_text
from env.miniwob.experts.registry import Move, expert
from env.miniwob.experts.sight import Element, find, find_all
from env.miniwob.page import MiniWobPage

ORDINALS = ("1st", "2nd", "3rd")


@expert("highlight-text", "highlight-text-2")
def highlight(page: MiniWobPage) -> Move:
    paragraph, name = find(page, "#randomText"), "the paragraph"
    for index, ordinal in enumerate(ORDINALS):
        if ordinal in page.instruction:
            paragraph = find_all(page, "#randomText p")[index]
            name = f"the {ordinal} paragraph"
    selected = page.evaluate("() => String(getSelection())")
    if _letters(selected) == _letters(paragraph.text):
        return submit(page)
    return click(paragraph, name, "It is not highlighted.", count=3)


@expert("copy-paste", "copy-paste-2")
def copy_paste(page: MiniWobPage) -> Move:
    areas, name = find_all(page, "#area textarea"), "the text area"
    area = areas[0]
    for index, ordinal in enumerate(ORDINALS):
        if ordinal in page.instruction:
            area, name = areas[index], f"the {ordinal} text area"
    answer = find(page, "#answer-input")
    if answer.value == area.value:
        return submit(page)
    if copied_text(page) != area.value:
        return _copy(area, name)
    if not answer.focused:
        return click(answer, "the text field", "The text is copied.")
    if answer.value and not answer.selected_whole:
        return keys("ctrl", "a", thought="Its text is wrong.")
    return keys("ctrl", "v", thought="Now paste it.")


def _copy(area: Element, name: str) -> Move:
    if not area.focused:
        return click(area, name, "This is the text to copy.")
    if not area.selected_whole:
        return keys("ctrl", "a", thought="Select all of it.")
    return keys("ctrl", "c", thought="It is selected; copy it.")


def _letters(text: str) -> str:
    return re.sub(r"\s", "", text)
