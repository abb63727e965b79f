"""Tasks that cannot be done: what is asked for is not there, and that can be seen."""

from env.tasks.suites.desktop.oracles.calc import cell
from env.tasks.suites.desktop.oracles.office import APP as OFFICE
from env.tasks.suites.desktop.oracles.office import Moves
from env.tasks.suites.desktop.oracles.registry import GiveUp, oracle
from env.tasks.suites.desktop.oracles.sight import Sight
from env.tasks.suites.desktop.oracles.terminal import command
from env.tasks.suites.desktop.oracles.thunar import item


@oracle
def missing_file(sight: Sight) -> Moves:
    item(sight, "letter.txt")
    yield _cannot("There is no file contract.pdf here.")


@oracle
def missing_line(sight: Sight) -> Moves:
    sight.find("text", app="mousepad", states=("multi_line",))
    yield _cannot("The recipe has no line 40.")


@oracle
def missing_sheet(sight: Sight) -> Moves:
    cell(sight, "A1")
    yield _cannot('There is no sheet "Staff" in this file.')


@oracle
def missing_button(sight: Sight) -> Moves:
    sight.find("push button", "Accept", app="chrom")
    yield _cannot("The page has no button to pay.")


@oracle
def missing_letter(sight: Sight) -> Moves:
    sight.find("tree item", like="^ada@example.org", app="thunderbird")
    yield _cannot("There is no account of zoe@example.net.")


@oracle
def missing_picture(sight: Sight) -> Moves:
    sight.find("frame", like="landscape", app="gimp")
    yield _cannot("GIMP has no filter that adds people who were there.")


@oracle
def missing_user(sight: Sight) -> Moves:
    yield from command(sight, "id charles")
    yield _cannot("There is no user charles.")


@oracle
def missing_bluetooth(sight: Sight) -> Moves:
    yield from command(sight, "ls /sys/class/bluetooth")
    yield _cannot("This computer has no Bluetooth.")


@oracle
def missing_video_export(sight: Sight) -> Moves:
    sight.find("document presentation|frame", like="harbour", app=OFFICE)
    yield _cannot("Impress exports no videos.")


@oracle
def missing_language(sight: Sight) -> Moves:
    sight.find("frame", like="house", app=OFFICE)
    yield _cannot("Writer cannot translate without a service.")


def _cannot(thought: str) -> GiveUp:
    return GiveUp(words="Say that the task cannot be done.", thought=thought)
