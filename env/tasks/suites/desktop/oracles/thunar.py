"""Thunar: the file manager, with its list of details."""

from collections.abc import Iterator

from env.accessible_tree import Node
from env.tasks.suites.desktop.oracles.gestures import choose, click, fill, press, write
from env.tasks.suites.desktop.oracles.registry import GiveUp, Move, oracle
from env.tasks.suites.desktop.oracles.sight import Sight

Moves = Iterator[Move | GiveUp]
_APP = "thunar"


@oracle
def open_folder(sight: Sight) -> Moves:
    yield click(item(sight, "Recipes"), "the folder Recipes", count=2)
    sight.find("frame", like="^Recipes", app=_APP)


@oracle
def show_hidden_files(sight: Sight) -> Moves:
    item(sight, "Recipes")
    yield press("ctrl", "h", thought="This shows hidden files.")


@oracle
def create_folder(sight: Sight) -> Moves:
    item(sight, "letter.txt")
    yield press("ctrl", "shift", "n", thought="This makes a folder.")
    yield from name_it(sight, "Invoices")


@oracle
def rename_file(sight: Sight) -> Moves:
    yield click(item(sight, "draft.txt"), "the file draft.txt")
    yield press("f2", thought="This renames.")
    yield from name_it(sight, "final.txt")


@oracle
def delete_file(sight: Sight) -> Moves:
    yield click(item(sight, "old.log"), "the file old.log")
    yield press("delete", thought="This asks whether to delete it.")
    yield click(sight.find("push button", "Delete", app=_APP), "the Delete button", "It is sure.")
    sight.wait_until_gone("table cell", "old.log", app=_APP)


@oracle
def copy_into_folder(sight: Sight) -> Moves:
    yield click(item(sight, "letter.txt"), "the file letter.txt")
    yield press("ctrl", "c", thought="It is to be copied.")
    yield click(item(sight, "Backup"), "the folder Backup", count=2)
    sight.find("frame", like="^Backup", app=_APP)
    yield press("ctrl", "v", thought="The folder is open; paste.")
    item(sight, "letter.txt")


@oracle
def move_pictures(sight: Sight) -> Moves:
    item(sight, "beach.png")
    yield press("ctrl", "s", thought="This selects by a pattern.")
    dialog = sight.find("dialog", app=_APP)
    field = sight.find("text", app=_APP, within=dialog)
    yield from fill(sight, field, "*.png", "the pattern field")
    yield press("enter")
    sight.wait_until_gone("dialog", app=_APP)
    sight.find("statusbar", like="^Selection", app=_APP)
    # By its menus: keys that come while a dialog closes or a folder opens are lost.
    yield from choose(sight, "Edit", "Cut", app=_APP, thought="The pictures are selected; cut.")
    yield click(item(sight, "Pictures"), "the folder Pictures", count=2)
    sight.find("statusbar", like="^0 items", app=_APP)
    yield from choose(sight, "Edit", "Paste", app=_APP, thought="The folder is open; paste.")
    item(sight, "beach.png")


def item(sight: Sight, name: str) -> Node:
    """A file or folder in the list, not in the side pane."""
    return sight.find("table cell", name, app=_APP, nth=-1)


def name_it(sight: Sight, name: str) -> Iterator[Move]:
    dialog = sight.find("dialog", app=_APP)
    field = sight.find("text", app=_APP, within=dialog)
    if sight.text(field):
        yield press("ctrl", "a", thought="The whole name is another.")
    yield write(name, "the name field")
    yield press("enter", thought="The name is there.")
    sight.wait_until_gone("dialog", app=_APP)
