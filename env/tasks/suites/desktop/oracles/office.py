"""What Calc, Writer and Impress have in common."""

from collections.abc import Iterator

from env.tasks.suites.desktop.oracles.gestures import fill, press
from env.tasks.suites.desktop.oracles.registry import GiveUp, Move
from env.tasks.suites.desktop.oracles.sight import Sight

Moves = Iterator[Move | GiveUp]
APP = "soffice"


def save(sight: Sight) -> Iterator[Move]:
    """In the format it has; returns when there is nothing left to save."""
    yield press("ctrl", "s", thought="All is done; save it.")
    # The file is written when the button has nothing to do any more, or looks so.
    sight.wait_for(lambda: not _modified(sight), "a saved document")


def name_in_dialog(sight: Sight, name: str) -> Iterator[Move]:
    """The GTK dialog that asks where to save."""
    dialog = sight.find("file chooser|dialog", app=APP)
    field = sight.find("text", app=APP, within=dialog, states=("focused",))
    yield from fill(sight, field, name, "the name field")
    yield press("enter", thought="The name is there.")
    sight.wait_until_gone("file chooser", app=APP)


def _modified(sight: Sight) -> bool:
    return any(
        "has been modified" in node.name or node.name.startswith("*")
        for node in sight.find_all("label|frame", app=APP)
    )
