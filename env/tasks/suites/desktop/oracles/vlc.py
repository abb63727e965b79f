"""VLC: its preferences."""

from collections.abc import Iterator

from env.tasks.suites.desktop.oracles.gestures import click, press
from env.tasks.suites.desktop.oracles.office import Moves
from env.tasks.suites.desktop.oracles.registry import Move, oracle
from env.tasks.suites.desktop.oracles.sight import Sight

_APP = "vlc"


@oracle
def start_minimal(sight: Sight) -> Moves:
    yield from _tick(sight, "Start in minimal view mode")


@oracle
def several_instances(sight: Sight) -> Moves:
    yield from _tick(sight, "Use only one instance when started from file manager")


@oracle
def pause_at_the_end(sight: Sight) -> Moves:
    yield from _tick(sight, "Pause on the last frame of a video")


@oracle
def dark_palette(sight: Sight) -> Moves:
    yield from _tick(sight, "Use a dark palette")


@oracle
def no_controls_in_full_screen(sight: Sight) -> Moves:
    yield from _tick(sight, "Show controls in full screen mode")


@oracle
def open_preferences(sight: Sight) -> Moves:
    tools = sight.find("menu item", "Tools", app=_APP)
    yield click(tools, "the Tools menu", "Preferences is in a menu.")
    yield click(sight.find("menu item", like="^Preferences", app=_APP), '"Preferences"')
    sight.find("dialog", like="Preferences", app=_APP)


def _tick(sight: Sight, box: str) -> Iterator[Move]:
    """A box of the first page; it is ticked, or no more."""
    sight.find("menu item", "Media", app=_APP)
    yield press("ctrl", "p", thought="It is in the preferences.")
    yield click(sight.find("check box", box, app=_APP), f'the box "{box}"')
    yield click(sight.find("push button", "Save", app=_APP), "the Save button")
    sight.wait_until_gone("dialog", like="Preferences", app=_APP)
