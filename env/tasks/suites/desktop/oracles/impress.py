"""LibreOffice Impress."""

from env.accessible_tree import Node
from env.tasks.suites.desktop.oracles.gestures import choose, click, press, write
from env.tasks.suites.desktop.oracles.office import APP, Moves, name_in_dialog, save
from env.tasks.suites.desktop.oracles.registry import oracle
from env.tasks.suites.desktop.oracles.sight import Sight


@oracle
def hide_slide(sight: Sight) -> Moves:
    _slides(sight)
    yield from choose(sight, "Slide", "Hide Slide", app=APP)
    yield from save(sight)


@oracle
def delete_slide(sight: Sight) -> Moves:
    yield click(sight.find("panel", "Old plans", app=APP), "the slide in the panel on the left")
    yield press("delete", thought="The slide is selected.")
    yield from save(sight)


@oracle
def duplicate_slide(sight: Sight) -> Moves:
    _slides(sight)
    yield from choose(sight, "Slide", "Duplicate Slide", app=APP)
    yield from save(sight)


@oracle
def change_title(sight: Sight) -> Moves:
    _slides(sight)
    title = sight.find("panel", like="^Title", app=APP)
    yield click(title, "the title", "A double click edits it.", count=2)
    sight.find("paragraph", app=APP, states=("focused",))
    yield press("ctrl", "a", thought="All of the title.")
    yield write("The new harbour", "the title")
    yield press("escape", thought="The title is written.")
    yield from save(sight)


@oracle
def export_pdf(sight: Sight) -> Moves:
    _slides(sight)
    yield click(
        sight.find("push button", like="Export.*PDF", app=APP), "the Export Directly as PDF button"
    )
    yield from name_in_dialog(sight, "harbour.pdf")


def _slides(sight: Sight) -> Node:
    return sight.find("document presentation", app=APP)
