"""What an oracle sees: the showing elements of the desktop's applications, waited for.

Nothing sleeps for a fixed time: a window, a menu or a button is looked for until it
is there. What never comes is an `OracleLost`.
"""

import re
import time
from collections.abc import Callable
from typing import Any, TypeVar

from env.accessible_tree import AccessibleTree, Node
from env.errors import EnvError
from env.screen import Box, ScreenSize
from env.tasks.suites.desktop.oracles.office_boxes import straightened

WAIT_SECONDS = 30.0
"""Ceiling for anything to show; applications start in two to eight on two busy cores."""
_LOOK_SECONDS = 0.1
_SHOWN_WHEN_LOST = 40
_WINDOWS = ("frame", "dialog", "alert", "file chooser", "window")
"""Looked for to be in, not to be clicked; GTK 2 does not tell where they are."""

T = TypeVar("T")


class OracleLost(EnvError):
    """What the oracle waited for did not come; the message says what was there instead."""


class Sight:
    def __init__(self, tree: AccessibleTree, size: ScreenSize) -> None:
        self.tree = tree
        self.size = size

    def find_all(
        self,
        role: str,
        name: str | None = None,
        *,
        like: str | None = None,
        app: str = "",
        within: Node | None = None,
        states: tuple[str, ...] = (),
    ) -> list[Node]:
        """Those that show now, from the window inwards.

        Args:
            role: AT-SPI's, or several with "|" between.
            name: exactly; None: any.
            like: a pattern found somewhere in the name, instead.
            app: a part of the application's name.
        """
        roles = role.split("|")
        return [
            node
            for node in straightened(self.tree.nodes(app))
            if node.role in roles
            and (name is None or node.name.strip() == name)
            and (like is None or re.search(like, node.name))
            and (within is None or node.is_in(within))
            and node.has(*states)
            and (node.role in _WINDOWS or _is_in_view(node.box, self.size))
        ]

    def find(self, role: str, name: str | None = None, *, nth: int = 0, **more: Any) -> Node:
        """The first of them (or the nth, from 0; -1: the last), once it shows.

        Raises:
            OracleLost: it did not come.
        """

        def look() -> Node | None:
            found = self.find_all(role, name, **more)
            return found[nth] if len(found) > max(nth, -nth - 1) else None

        return self.wait_for(look, f"a {role} {name or more.get('like') or ''}")

    def shows(self, role: str, name: str | None = None, **more: Any) -> bool:
        return bool(self.find_all(role, name, **more))

    def wait_until_gone(self, role: str, name: str | None = None, **more: Any) -> None:
        """Raises `OracleLost` if it stays."""
        self.wait_for(lambda: not self.shows(role, name, **more), f"no {role} {name} any more")

    def wait_for(self, look: Callable[[], T | None], what: str) -> T:
        """Look again and again until there is something (true).

        Raises:
            OracleLost: there never was.
        """
        until = time.monotonic() + WAIT_SECONDS
        while not (found := look()):
            if time.monotonic() > until:
                raise OracleLost(f"no sight of {what}; there is: {self._there()}")
            time.sleep(_LOOK_SECONDS)
        return found

    def text(self, node: Node) -> str:
        return self.tree.text_of(node)

    def _there(self) -> str:
        named = [f"{node.role} {node.name!r:.40}" for node in self.tree.nodes() if node.name]
        return ", ".join(named[:_SHOWN_WHEN_LOST])


def _is_in_view(box: Box | None, size: ScreenSize) -> bool:
    """Some applications call what is scrolled away showing."""
    return (
        box is not None
        and 0 <= (box.left + box.right) // 2 < size.width
        and (0 <= (box.top + box.bottom) // 2 < size.height)
    )
