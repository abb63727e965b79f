"""Mousepad: a plain text editor."""

from collections.abc import Iterator

from env.accessible_tree import Node
from env.tasks.suites.desktop.oracles.gestures import choose, click, fill, press, write
from env.tasks.suites.desktop.oracles.registry import GiveUp, Move, oracle
from env.tasks.suites.desktop.oracles.sight import Sight

Moves = Iterator[Move | GiveUp]
_APP = "mousepad"


@oracle
def turn_on_line_numbers(sight: Sight) -> Moves:
    page(sight)
    yield from choose(sight, "View", "Line Numbers", app=_APP)


@oracle
def type_sentence(sight: Sight) -> Moves:
    yield from _at_the_text(sight)
    yield write("Remember the milk.", "the document")
    yield _save()


@oracle
def append_line(sight: Sight) -> Moves:
    yield from _at_the_text(sight)
    yield press("ctrl", "end", thought="The new line comes last.")
    yield write("Sugar 50 g\n", "the document")
    yield _save()


@oracle
def delete_line(sight: Sight) -> Moves:
    text = page(sight)
    offset = sight.text(text).index("DELETE THIS LINE")
    line = sight.tree.character_box(text, offset + 3)
    assert line is not None, "the line is not on the screen"
    yield click(line, 'the line "DELETE THIS LINE"', "The caret goes into the line.")
    yield press("home", thought="Select the line from its start.")
    yield press("shift", "down")
    yield press("delete", thought="The whole line is selected.")
    yield _save()


@oracle
def replace_all(sight: Sight) -> Moves:
    yield from _at_the_text(sight)
    yield press("ctrl", "r", thought="Replacing has a dialog.")
    dialog = sight.find("dialog", app=_APP)
    searched, replacement = sight.find_all("text", app=_APP, within=dialog)[:2]
    yield from fill(sight, searched, "colour", "the search field")
    yield from fill(sight, replacement, "color", "the replacement field")
    yield click(
        sight.find("check box|toggle button", like="Replace all", app=_APP, within=dialog),
        '"Replace all in"',
        "All of them at once.",
    )
    yield click(
        sight.find("push button", "Replace All", app=_APP, within=dialog), "the Replace All button"
    )
    yield click(sight.find("push button", "Close", app=_APP, within=dialog), "the Close button")
    yield _save()


@oracle
def save_under_other_name(sight: Sight) -> Moves:
    yield from _at_the_text(sight)
    yield press("ctrl", "shift", "s", thought="Another name: save as.")
    yield from save_as(sight, "copy.txt")


@oracle
def convert_to_uppercase(sight: Sight) -> Moves:
    yield from _at_the_text(sight)
    yield press("ctrl", "a", thought="All of the text.")
    yield from choose(sight, "Edit", "Convert", "To Uppercase", app=_APP)
    yield _save()


@oracle
def sort_lines(sight: Sight) -> Moves:
    """By cutting and pasting there is no end of steps; it is typed anew."""
    yield from _at_the_text(sight)
    lines = sorted(sight.text(page(sight)).splitlines())
    yield press("ctrl", "a", thought="The list is to be in another order.")
    yield write("\n".join(lines) + "\n", "the document")
    yield _save()


@oracle
def new_list(sight: Sight) -> Moves:
    yield from _at_the_text(sight)
    yield write("Mars\nVenus\nEarth\n", "the document")
    yield press("ctrl", "s", thought="It has no name yet.")
    yield from save_as(sight, "planets.txt")


def save_as(sight: Sight, name: str, app: str = _APP) -> Iterator[Move]:
    """The GTK dialog that asks for a name; its folder is the one the file was in."""
    dialog = sight.find("file chooser|dialog", app=app)
    field = sight.find("text", app=app, within=dialog, states=("focused",))
    yield from fill(sight, field, name, "the name field")
    yield press("enter", thought="The name is there; save.")
    sight.wait_until_gone("file chooser|dialog", app=app)


def page(sight: Sight) -> Node:
    """The text that is edited."""
    return sight.find("text", app=_APP, states=("multi_line",))


def _at_the_text(sight: Sight) -> Iterator[Move]:
    """One click, if keys would go elsewhere."""
    text = page(sight)
    if not text.has("focused"):
        yield click(text, "the text", "Keys go to what has the focus.")


def _save() -> Move:
    return press("ctrl", "s", thought="The text is right; save it.")
