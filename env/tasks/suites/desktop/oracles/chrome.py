"""Chromium with local pages."""

from env.accessible_tree import Node
from env.actions import Scroll
from env.tasks.suites.desktop.oracles.gestures import click, fill, middle, press, write
from env.tasks.suites.desktop.oracles.office import Moves
from env.tasks.suites.desktop.oracles.registry import Move, oracle
from env.tasks.suites.desktop.oracles.sight import Sight

_APP = "chrom"
_CONTROLS = "push button|link|entry|check box|radio button"


@oracle
def accept_cookies(sight: Sight) -> Moves:
    yield click(_control(sight, "Accept"), "the Accept button")


@oracle
def follow_link(sight: Sight) -> Moves:
    yield click(_control(sight, "Tulips"), "the link Tulips")


@oracle
def sign_up(sight: Sight) -> Moves:
    yield from fill(sight, _control(sight, "Name"), "Ada Moon", "the Name field")
    yield from fill(sight, _control(sight, "City"), "Bergen", "the City field")
    yield click(_control(sight, "Send me news"), 'the box "Send me news"')
    yield click(_control(sight, "Send"), "the Send button", "The form is filled in.")


@oracle
def book_ticket(sight: Sight) -> Moves:
    day = sight.find("combo box", like="Day", app=_APP)
    yield click(day, "the list of days")
    yield write("Wed", "the list", "Its letters find the day.")
    yield press("enter", thought="Wednesday is marked.")
    yield click(_control(sight, "Adult"), 'the choice "Adult"')
    yield click(_control(sight, "Book"), "the Book button", "Day and kind are chosen.")


@oracle
def bookmark_page(sight: Sight) -> Moves:
    _control(sight, "Roses")
    yield press("ctrl", "d", thought="This makes a bookmark.")
    yield click(sight.find("push button", "Done", app=_APP), "the Done button")


@oracle
def scroll_and_order(sight: Sight) -> Moves:
    page = sight.find("document web", "Catalogue", app=_APP)
    assert page.box is not None
    for _ in range(8):
        if sight.shows("push button", "Order the whole catalogue", app=_APP):
            break
        yield Move(
            action=Scroll(middle(page.box), -15),
            target=page.box,
            words="Scroll down.",
            thought="The button is further down.",
        )
    yield click(_control(sight, "Order the whole catalogue"), "the order button")


@oracle
def download_file(sight: Sight) -> Moves:
    yield click(_control(sight, "Sun 2025"), "the link Sun 2025")


@oracle
def open_address(sight: Sight) -> Moves:
    _control(sight, "Roses")
    yield press("ctrl", "l", thought="The address is typed.")
    yield write("file:///home/user/site/herbs.html\n", "the address bar")
    sight.find("document web", "Herbs", app=_APP)


@oracle
def open_in_new_tab(sight: Sight) -> Moves:
    yield click(_control(sight, "Roses"), "the link Roses", button="right")
    yield click(sight.find("menu item", "Open link in new tab", app=_APP), '"Open link in new tab"')
    sight.find("page tab", like="^Roses", app=_APP)


def _control(sight: Sight, name: str) -> Node:
    """In a page, whose document may be loading."""
    return sight.find(_CONTROLS, name, app=_APP)
