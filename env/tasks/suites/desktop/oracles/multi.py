"""Tasks across two applications: something is read in one and used in the other."""

from env.tasks.suites.desktop.oracles import mousepad, thunar
from env.tasks.suites.desktop.oracles.calc import cell, text_of
from env.tasks.suites.desktop.oracles.gestures import click, press, write
from env.tasks.suites.desktop.oracles.office import Moves, save
from env.tasks.suites.desktop.oracles.registry import oracle
from env.tasks.suites.desktop.oracles.sight import Sight
from env.tasks.suites.desktop.oracles.terminal import command


@oracle
def rename_as_note_says(sight: Sight) -> Moves:
    thunar.item(sight, "report.txt")
    name = sight.text(mousepad.page(sight)).split()[-1]
    yield click(thunar.item(sight, "report.txt"), "the file report.txt", f"The note says {name}.")
    yield press("f2", thought="This renames.")
    yield from thunar.name_it(sight, name)


@oracle
def town_into_note(sight: Sight) -> Moves:
    """The town with the most visitors, from the sheet into the text."""
    visitors = {text_of(sight, f"A{row}"): int(text_of(sight, f"B{row}")) for row in range(2, 10)}
    town = max(visitors, key=lambda name: visitors[name])
    yield click(mousepad.page(sight), "the text", f"{town} has the most visitors.")
    yield write(f"{town}\n", "the document")
    yield press("ctrl", "s", thought="The name is there; save it.")


@oracle
def order_number_into_note(sight: Sight) -> Moves:
    shown = sight.find("static", like="^HK-", app="chrom")
    yield click(mousepad.page(sight), "the text", f"The order number is {shown.name.strip()}.")
    yield write(f"{shown.name.strip()}\n", "the document")
    yield press("ctrl", "s", thought="The number is there; save it.")


@oracle
def note_into_sheet(sight: Sight) -> Moves:
    cell(sight, "A2")
    rows = [line.split(": ") for line in sight.text(mousepad.page(sight)).splitlines() if line]
    yield click(cell(sight, "A2"), "cell A2", "The first free row is 2.")
    yield write("".join(f"{name}\t{price}\n" for name, price in rows), "the rows")
    yield from save(sight)


@oracle
def count_into_note(sight: Sight) -> Moves:
    yield from command(sight, "ls photos | wc -l")
    number = sight.text(sight.find("terminal", app="lxterminal")).split("wc -l\n")[-1].split()[0]
    yield click(mousepad.page(sight), "the text", f"There are {number} files.")
    yield write(f"{number}\n", "the document")
    yield press("ctrl", "s", thought="The number is there; save it.")
