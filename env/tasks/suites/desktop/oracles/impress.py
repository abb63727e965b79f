"""LibreOffice Impress."""

from collections.abc import Iterator

from env.accessible_tree import Node
from env.tasks.suites.desktop.oracles.gestures import choose, click, press, write
from env.tasks.suites.desktop.oracles.office import APP, Moves, name_in_dialog, save
from env.tasks.suites.desktop.oracles.registry import Move, oracle
from env.tasks.suites.desktop.oracles.sight import Sight


@oracle
def hide_slide(sight: Sight) -> Moves:
    _slides(sight)
    yield from choose(sight, "Slide", "Hide Slide", app=APP)
    yield from save(sight)


@oracle
def delete_slide(sight: Sight) -> Moves:
    yield from _select_slide(sight, 2)
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
    yield press("tab", thought="This selects the title.")
    yield press("f2", thought="Its text is to change.")
    yield press("ctrl", "a")
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


def _select_slide(sight: Sight, place: int) -> Iterator[Move]:
    """In the panel on the left; from 0."""

    def look() -> Node | None:
        found = sight.find_all("shape|list item|option pane|panel", like="Slide 3|Slide_3", app=APP)
        return found[0] if found else None

    yield click(sight.wait_for(look, f"slide {place + 1} in the panel"), "the third slide")
