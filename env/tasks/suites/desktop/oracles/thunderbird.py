"""Thunderbird: folders on the left, the letters of one beside them."""

from collections.abc import Iterator

from env.accessible_tree import Node
from env.tasks.suites.desktop.oracles.gestures import click, press, write
from env.tasks.suites.desktop.oracles.office import Moves
from env.tasks.suites.desktop.oracles.registry import Move, oracle
from env.tasks.suites.desktop.oracles.sight import Sight

_APP = "thunderbird"


@oracle
def open_inbox(sight: Sight) -> Moves:
    yield from _open_inbox(sight)


@oracle
def read_letter(sight: Sight) -> Moves:
    yield from _open_inbox(sight)
    yield click(_letter(sight, "Invoice 2041"), "the letter Invoice 2041")
    # Not by two clicks: a busy machine takes them for one and one.
    yield press("enter", thought="The letter is selected.")
    sight.find("frame", like="Invoice 2041", app=_APP)


@oracle
def delete_letter(sight: Sight) -> Moves:
    yield from _open_inbox(sight)
    yield click(_letter(sight, "You have won a prize"), "the letter about the prize")
    yield press("delete", thought="The letter is selected.")
    sight.wait_for(lambda: not _letters(sight, "You have won a prize"), "the letter gone")


@oracle
def archive_letter(sight: Sight) -> Moves:
    yield from _open_inbox(sight)
    yield click(_letter(sight, "Quarterly report"), "the letter Quarterly report")
    yield press("a", thought="This archives the letter.")
    sight.wait_for(lambda: not _letters(sight, "Quarterly report"), "the letter gone")


@oracle
def make_folder(sight: Sight) -> Moves:
    local = sight.find("tree item", like="^Local Folders", app=_APP)
    yield click(local, "Local Folders", button="right")
    yield click(sight.find("menu item", like="^New Folder", app=_APP), '"New Folder..."')
    field = sight.find("entry", like="Name", app=_APP)
    if not field.has("focused"):
        yield click(field, "the name field")
    yield write("Travel", "the name field")
    yield click(sight.find("push button", "Create Folder", app=_APP), "the Create Folder button")
    sight.find("tree item", like="^Travel", app=_APP)


@oracle
def write_draft(sight: Sight) -> Moves:
    yield click(sight.find("push button", "New Message", app=_APP), "the New Message button")
    to = sight.find("entry", like="^To", app=_APP)
    if not to.has("focused"):
        yield click(to, "the To field")
    yield write("clara.voss@example.org\t", "the To field")
    subject = sight.find("entry", like="^Subject", app=_APP)
    yield click(subject, "the Subject field")
    yield write("Figures", "the Subject field")
    yield press("ctrl", "s", thought="This keeps it as a draft.")


def _open_inbox(sight: Sight) -> Iterator[Move]:
    account = sight.find("tree item", like="^ada@example.org", app=_APP)
    if not sight.shows("tree item", like="^Inbox", app=_APP):
        yield click(account, "the account", "Its folders are folded away.")
        yield press("right", thought="This unfolds it.")
    yield click(sight.find("tree item", like="^Inbox", app=_APP), "the Inbox")
    _letter(sight, "Invoice 2041")


def _letters(sight: Sight, subject: str) -> list[Node]:
    return sight.find_all("table row|tree item|list item", like=subject, app=_APP)


def _letter(sight: Sight, subject: str) -> Node:
    return sight.wait_for(lambda: next(iter(_letters(sight, subject)), None), subject)
