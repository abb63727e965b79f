"""GIMP: the menus, and the dialogs that export has."""

from collections.abc import Iterator

from env.accessible_tree import Node
from env.tasks.suites.desktop.oracles.gestures import choose, click, fill, press
from env.tasks.suites.desktop.oracles.office import Moves
from env.tasks.suites.desktop.oracles.registry import Move, oracle
from env.tasks.suites.desktop.oracles.sight import Sight

_APP = "gimp"


@oracle
def flip(sight: Sight) -> Moves:
    _image(sight)
    yield from choose(sight, "Image", "Transform", "Flip Horizontally", app=_APP)
    yield from _overwrite(sight)


@oracle
def turn(sight: Sight) -> Moves:
    _image(sight)
    yield from choose(sight, "Image", "Transform", "Rotate 90° clockwise", app=_APP)
    yield from _overwrite(sight)


@oracle
def invert(sight: Sight) -> Moves:
    _image(sight)
    yield from choose(sight, "Colors", "Invert", app=_APP)
    yield from _overwrite(sight)


@oracle
def make_gray(sight: Sight) -> Moves:
    _image(sight)
    yield from choose(sight, "Image", "Mode", "Grayscale", app=_APP)
    yield from _overwrite(sight)


@oracle
def scale(sight: Sight) -> Moves:
    _image(sight)
    yield from choose(sight, "Image", "Scale Image...", app=_APP)
    dialog = sight.find("dialog", like="Scale Image", app=_APP)
    fields = sight.find_all("spin button", app=_APP, within=dialog)
    yield from fill(sight, fields[0], "200", "the width field")
    yield press("tab", thought="The height follows the width.")
    yield click(sight.find("push button", "Scale", app=_APP, within=dialog), "the Scale button")
    sight.wait_until_gone("dialog", app=_APP, like="Scale Image")
    yield from _overwrite(sight)


@oracle
def export_jpeg(sight: Sight) -> Moves:
    _image(sight)
    yield press("ctrl", "shift", "e", thought="Another format: export as.")
    dialog = sight.find("dialog|file chooser", like="Export Image", app=_APP)
    field = sight.find("text", app=_APP, within=dialog, states=("focused",))
    yield from fill(sight, field, "landscape.jpg", "the name field")
    yield press("enter", thought="The name tells the format.")
    yield from _confirm_export(sight)


@oracle
def hide_docks(sight: Sight) -> Moves:
    _image(sight)
    yield from choose(sight, "Windows", "Hide Docks", app=_APP)


def _image(sight: Sight) -> Node:
    return sight.find("frame", like="^.?\\[?landscape", app=_APP)


def _overwrite(sight: Sight) -> Iterator[Move]:
    item = "Overwrite landscape.png"
    yield from choose(sight, "File", item, app=_APP, thought="The picture is right; export it.")
    sight.wait_for(lambda: _is_exported(sight), "an exported picture")


def _confirm_export(sight: Sight) -> Iterator[Move]:
    """The format's own dialog, of a program of its own."""
    yield click(
        sight.find("push button", "Export", app="jpeg"),
        "the Export button",
        "The format's settings are fine.",
    )
    sight.wait_for(lambda: _is_exported(sight), "an exported picture")


def _is_exported(sight: Sight) -> bool:
    return sight.shows("frame", like=r"\((overwritten|exported)\)", app=_APP)
