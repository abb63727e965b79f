"""The desktop a command works, opened as its options say, a page on it if one is asked for.

`main.py run` and the cockpit's sessions come in by this one way, so that a person stops both, and
takes over from both, alike.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from env.backends import open_desktop
from env.desktop import Desktop
from env.headed import showing, shown_with
from env.real import RealSettings
from env.x11_person import StopKeys
from ui.commands.serving import osworld_token


class RealOptions(Protocol):
    """Options of a command that can work the user's own session."""

    @property
    def monitor(self) -> str | None: ...
    @property
    def pointer(self) -> bool: ...
    @property
    def stop_key(self) -> str: ...
    @property
    def stop_within(self) -> float: ...


def real_settings(options: RealOptions) -> RealSettings:
    """Raises: ValueError: a key or a time that cannot be."""
    return RealSettings(
        monitor=options.monitor,
        pointer=options.pointer,
        stop_keys=StopKeys(key=options.stop_key, within_seconds=options.stop_within),
    )


@contextmanager
def worked_desktop(
    kind: str, url: str | None, *, sandbox: bool, network: bool, real: RealSettings
) -> Iterator[Desktop]:
    """
    Args:
        kind: its name (`env.backends`).
        url: a page to open first, in a browser.

    Raises:
        DesktopUnavailable, ValueError: as `open_desktop`.
    """
    with (
        open_desktop(
            kind,
            shown=shown_with(url),
            sandbox=sandbox,
            network=network,
            token=osworld_token(),
            real=real,
        ) as desktop,
        showing(desktop, url),
    ):
        yield desktop
