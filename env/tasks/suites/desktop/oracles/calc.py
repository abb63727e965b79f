"""LibreOffice Calc."""

from collections.abc import Iterator

from env.accessible_tree import Node
from env.tasks.suites.desktop.oracles.gestures import (
    choose,
    click,
    drag,
    fill,
    middle,
    press,
    write,
)
from env.tasks.suites.desktop.oracles.office import APP, Moves, name_in_dialog, save
from env.tasks.suites.desktop.oracles.office_boxes import straightened
from env.tasks.suites.desktop.oracles.registry import Move, oracle
from env.tasks.suites.desktop.oracles.sight import Sight


@oracle
def type_into_cell(sight: Sight) -> Moves:
    yield click(cell(sight, "B3"), "cell B3", "Bread is in row 3.")
    yield write("250\n", "the cell")
    yield from save(sight)


@oracle
def sum_column(sight: Sight) -> Moves:
    yield click(cell(sight, "A10"), "cell A10", "The first free row is 10.")
    yield write("Total\t=SUM(B2:B9)\n", "the row")
    yield from save(sight)


@oracle
def delete_row(sight: Sight) -> Moves:
    yield click(cell(sight, "A5"), "cell A5", "Dates is in row 5.")
    yield from choose(sight, "Sheet", "Delete Rows", app=APP)
    yield from save(sight)


@oracle
def bold_header(sight: Sight) -> Moves:
    yield from _select(sight, "A1", "C1")
    yield press("ctrl", "b", thought="The headings are selected.")
    yield from save(sight)


@oracle
def freeze_header(sight: Sight) -> Moves:
    cell(sight, "A1")
    yield from choose(sight, "View", "Freeze Cells", "Freeze First Row", app=APP)
    yield from save(sight)


@oracle
def rename_sheet(sight: Sight) -> Moves:
    cell(sight, "A1")
    tab = sight.find("page tab", "Stock", app=APP)
    yield click(tab, "the tab Stock", "A double click renames it.", count=2)
    dialog = sight.find("dialog", like="Rename Sheet", app=APP)
    field = sight.find("text", app=APP, within=dialog)
    yield from fill(sight, field, "Pantry", "the name field")
    yield press("enter", thought="The name is there.")
    sight.wait_until_gone("dialog", app=APP)
    yield from save(sight)


@oracle
def multiply_columns(sight: Sight) -> Moves:
    yield click(cell(sight, "D1"), "cell D1", "The new column is D.")
    yield write("Value\n", "the cell")
    yield from _select(sight, "D2", "D9")
    yield write("=B2*C2", "the selected cells")
    yield press("alt", "enter", thought="This fills all of them.")
    yield from save(sight)


@oracle
def sort_by_visitors(sight: Sight) -> Moves:
    yield click(cell(sight, "B2"), "cell B2", "The sort goes by this column.")
    button = sight.find("push button", "Sort Descending", app=APP)
    yield click(button, "the Sort Descending button")
    yield from save(sight)


@oracle
def save_as_csv(sight: Sight) -> Moves:
    cell(sight, "A1")
    yield press("ctrl", "shift", "s", thought="Another format: save as.")
    yield from name_in_dialog(sight, "towns.csv")
    yield click(
        sight.find("push button", "OK", app=APP), "the OK button", "The format's settings are fine."
    )
    sight.wait_until_gone("dialog", app=APP)


@oracle
def fill_in_prices(sight: Sight) -> Moves:
    yield click(cell(sight, "A2"), "cell A2", "The first free row is 2.")
    yield write("Lamp\t40\nChair\t95\nDesk\t210\n", "the rows")
    yield from save(sight)


@oracle
def add_sheet(sight: Sight) -> Moves:
    cell(sight, "A1")
    yield from choose(sight, "Sheet", "Insert Sheet at End...", app=APP)
    yield click(
        sight.find("push button", "OK", app=APP), "the OK button", "Its name does not matter."
    )
    sight.wait_for(lambda: len(sight.find_all("page tab", app=APP)) == 2, "a second sheet")
    yield from save(sight)


def cell(sight: Sight, name: str) -> Node:
    """A cell of the sheet in front: "B3"."""
    row, column = int(name[1:]) - 1, ord(name[0]) - ord("A")

    def look() -> Node | None:
        nodes = sight.tree.nodes(APP)
        tables = [node for node in nodes if node.role == "table" and node.name.startswith("Sheet")]
        found = sight.tree.cell(tables[0], row, column) if tables else None
        straight = straightened([*nodes, found]) if found else []
        return straight[-1] if straight and straight[-1].role == "table cell" else None

    return sight.wait_for(look, f"cell {name}")


def text_of(sight: Sight, name: str) -> str:
    return sight.text(cell(sight, name))


def _select(sight: Sight, first: str, last: str) -> Iterator[Move]:
    start, end = cell(sight, first).box, cell(sight, last).box
    assert start is not None
    assert end is not None
    yield drag(middle(start), middle(end), f"Select the cells {first} to {last}.")
