"""A touch screen's pages."""

from env.tasks.suites.desktop.oracles.gestures import click
from env.tasks.suites.desktop.oracles.office import Moves
from env.tasks.suites.desktop.oracles.registry import oracle
from env.tasks.suites.desktop.oracles.sight import Sight


def _press(sight: Sight, role: str, name: str) -> Moves:
    yield click(sight.find(role, name, app="chrom"), f"the {role} {name}")


@oracle
def press_ok(sight: Sight) -> Moves:
    yield from _press(sight, "push button", "Ok")


@oracle
def want_receipt(sight: Sight) -> Moves:
    yield from _press(sight, "push button", "Yes")


@oracle
def choose_tulips(sight: Sight) -> Moves:
    yield from _press(sight, "link|static", "tulips")


@oracle
def close_dialog(sight: Sight) -> Moves:
    yield from _press(sight, "push button", "x")


@oracle
def press_red(sight: Sight) -> Moves:
    yield from _press(sight, "push button", "red")
