"""Make the marked set equal to the wanted set, from the top down, then submit."""

from collections.abc import Set

from env.miniwob.experts.clicking import quoted
from env.miniwob.experts.gestures import click, submit
from env.miniwob.experts.registry import ExpertLost, Move, expert
from env.miniwob.experts.sight import Element, find_all
from env.miniwob.page import MiniWobPage

WANTED = "Wanted and not marked yet."
UNWANTED = "Marked but not wanted."


@expert("click-option")
def click_option(page: MiniWobPage) -> Move:
    wanted = quoted(page, r"Select (.*) and click Submit")
    for label, radio in labelled(page, "radio"):
        if label == wanted:
            if radio.checked:
                return submit(page)
            return click(radio, f'the "{wanted}" radio button', WANTED)
    raise ExpertLost(f"no option {wanted!r}")


@expert("click-checkboxes", "click-checkboxes-large", "click-checkboxes-transfer")
def click_checkboxes(page: MiniWobPage) -> Move:
    wanted = quoted(page, r"Select (.*) and click Submit").split(", ")
    return equalize(page, set(wanted))


@expert("click-checkboxes-soft")
def click_checkboxes_soft(page: MiniWobPage) -> Move:
    words = quoted(page, r"similar to (.*) and click Submit").split(", ")
    groups = page.evaluate("() => SYNONYMS")
    return equalize(page, {word for group in groups if set(group) & set(words) for word in group})


def equalize(page: MiniWobPage, wanted: Set[str]) -> Move:
    """Click the first checkbox that is not as wanted; submit when all are."""
    for label, box in labelled(page, "checkbox"):
        want = label in wanted
        if box.checked != want:
            return click(box, f'the "{label}" checkbox', WANTED if want else UNWANTED)
    return submit(page)


def labelled(page: MiniWobPage, kind: str) -> list[tuple[str, Element]]:
    """The inputs of a kind with their labels, each `<label>` around its input."""
    labels = find_all(page, "#area label")
    inputs = find_all(page, f"#area label input[type={kind}]")
    return [(label.text, box) for label, box in zip(labels, inputs, strict=True)]


@expert("click-shades")
def click_shades(page: MiniWobPage) -> Move:
    color = quoted(page, r"shades of (\w+)")
    for square in find_all(page, "#area span"):
        shade = square.attributes["data-color"]
        want = shade == color
        if ("selected" in square.classes) != want:
            return click(square, f"the {shade} square", WANTED if want else UNWANTED)
    return submit(page, "#submit")
