"""LibreOffice Writer."""

from env.accessible_tree import Node
from env.tasks.suites.desktop.inputs.documents import CLOSING, TITLE
from env.tasks.suites.desktop.oracles.gestures import choose, click, fill, press, write
from env.tasks.suites.desktop.oracles.office import APP, Moves, name_in_dialog, save
from env.tasks.suites.desktop.oracles.registry import oracle
from env.tasks.suites.desktop.oracles.sight import Sight


@oracle
def center_title(sight: Sight) -> Moves:
    yield click(_paragraph(sight, TITLE), "the title")
    yield press("ctrl", "e", thought="This centers the paragraph.")
    yield from save(sight)


@oracle
def add_closing(sight: Sight) -> Moves:
    _paragraph(sight, TITLE)
    yield press("ctrl", "end", thought="It comes at the end.")
    yield write(f"\n{CLOSING}", "the document")
    yield from save(sight)


@oracle
def replace_word(sight: Sight) -> Moves:
    _paragraph(sight, TITLE)
    yield press("ctrl", "h", thought="Replacing has a dialog.")
    dialog = sight.find("dialog", like="Find (and|&) Replace", app=APP)
    fields = sight.find_all("text", app=APP, within=dialog, states=("editable",))
    yield from fill(sight, fields[0], "boat house", "the search field")
    yield from fill(sight, fields[1], "cottage", "the replacement field")
    yield click(
        sight.find("push button", "Replace All", app=APP, within=dialog), "the Replace All button"
    )
    yield press("escape", thought="The dialog is done with.")
    sight.wait_until_gone("dialog", app=APP)
    yield from save(sight)


@oracle
def double_spacing(sight: Sight) -> Moves:
    _paragraph(sight, TITLE)
    yield press("ctrl", "a", thought="All of the text.")
    yield from choose(sight, "Format", "Spacing", "Line Spacing: 2", app=APP)
    yield from save(sight)


@oracle
def delete_last_paragraph(sight: Sight) -> Moves:
    last = sight.find("paragraph", app=APP, nth=-1)
    yield click(last, "the last paragraph", count=1)
    yield press("end", thought="From its end back to the one before.")
    yield press("ctrl", "shift", "up", thought="Select the paragraph.")
    yield press("backspace")
    yield press("backspace", thought="The empty line goes too.")
    yield from save(sight)


@oracle
def export_pdf(sight: Sight) -> Moves:
    _paragraph(sight, TITLE)
    yield click(
        sight.find("push button", like="Export.*PDF", app=APP), "the Export Directly as PDF button"
    )
    yield from name_in_dialog(sight, "house.pdf")


@oracle
def insert_page_break(sight: Sight) -> Moves:
    last = sight.find("paragraph", app=APP, nth=-1)
    yield click(last, "the last paragraph")
    yield press("home", thought="The new page begins before it.")
    yield press("ctrl", "enter", thought="This begins a new page.")
    yield from save(sight)


@oracle
def insert_table(sight: Sight) -> Moves:
    sight.find("paragraph", app=APP)
    yield from choose(sight, "Table", "Insert Table...", app=APP)
    dialog = sight.find("dialog", like="Insert Table", app=APP)
    sight.find("spin button", app=APP, within=dialog)
    fields = sight.find_all("spin button", app=APP, within=dialog)
    columns = min(fields, key=lambda field: field.box or (0,))
    yield from fill(sight, columns, "3", "the columns field")
    yield press("tab", thought="The rows come next.")
    yield write("2", "the rows field")
    yield click(sight.find("push button", "Insert", app=APP, within=dialog), "the Insert button")
    sight.wait_until_gone("dialog", app=APP)
    yield from save(sight)


def _paragraph(sight: Sight, text: str) -> Node:
    def look() -> Node | None:
        return next(
            (p for p in sight.find_all("paragraph", app=APP) if sight.text(p) == text), None
        )

    return sight.wait_for(look, f"the paragraph {text!r}")
