"""Everything that is showing, as applications tell assistive tools: a snapshot of AT-SPI's tree.

For scripted solvers, graders and labels; the agent never sees through it. Questions go
out a hundred at a time, since one at a time takes seconds. What an application says
may be stale or wrong: "showing" windows may be covered by others.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from env.accessibility import SessionBus
from env.accessibility_calls import (
    ACCESSIBLE,
    APPLICATIONS,
    COMPONENT,
    TEXT,
    AccessibilityCalls,
    Reference,
    call,
    property_of,
    states_of,
)
from env.screen import Box

_APPLICATION = "org.a11y.atspi.Application"
_TABLE, _VALUE = "org.a11y.atspi.Table", "org.a11y.atspi.Value"
_SCREEN_COORDINATES = 0
_MOST_NODES = 5_000
_DEEPEST = 60
_FAR_PX = 100_000


class _Place(NamedTuple):
    """An object that is not read yet."""

    reference: Reference
    application: str
    parents: tuple[Reference, ...]
    in_open_menu: bool = False
    """Of GTK 2, which calls what is in a menu showing at no time; but it has a place."""


@dataclass(frozen=True, slots=True)
class Node:
    role: str
    """AT-SPI's name: "push button", "menu item"."""
    name: str
    box: Box | None
    """On the screen; None: it has none of its own."""
    states: frozenset[str]
    application: str
    reference: Reference
    parents: tuple[Reference, ...]
    """From its window down."""

    def has(self, *states: str) -> bool:
        return self.states.issuperset(states)

    def is_in(self, ancestor: "Node") -> bool:
        return ancestor.reference in self.parents


class AccessibleTree:
    """Has a connection of its own to the desktop's accessibility bus. One thread at a time."""

    def __init__(self, session_bus: SessionBus) -> None:
        """
        Args:
            session_bus: the D-Bus session the applications are on.

        Raises:
            DesktopUnavailable: nobody offers accessibility there.
        """
        self._calls = AccessibilityCalls(session_bus)
        self._ask = self._calls.ask

    def nodes(self, application: str = "") -> list[Node]:
        """What is showing, windows first, then level by level.

        Args:
            application: only of those whose name contains this, case aside; "": of all.
        """
        wanted = application.lower()
        apps = [
            (reference, name) for reference, name in self._applications() if wanted in name.lower()
        ]
        toolkits = self._ask(
            [property_of(reference, _APPLICATION, "ToolkitName") for reference, _ in apps]
        )
        gtk2 = {
            name
            for (_, name), toolkit in zip(apps, toolkits, strict=True)
            if toolkit is not None and toolkit[0][1] == "GAIL"
        }
        level = [
            _Place(child, name, ())
            for (_, name), children in zip(
                apps, self._calls.children([(reference, ()) for reference, _ in apps]), strict=True
            )
            for child in children
        ]
        found: list[Node] = []
        for _ in range(_DEEPEST):
            if not level or len(found) > _MOST_NODES:
                break
            nodes = self._read(level)
            found += nodes
            inner = self._calls.children([(node.reference, node.states) for node in nodes])
            level = [
                _Place(
                    child,
                    node.application,
                    (*node.parents, node.reference),
                    node.role == "menu" and node.application in gtk2,
                )
                for node, children in zip(nodes, inner, strict=True)
                for child in children
            ]
        return found

    def text_of(self, node: Node) -> str:
        """The text an entry or a document holds; "" where it holds none."""
        (answer,) = self._ask([call(node.reference, TEXT, "GetText", "ii", (0, -1))])
        return "" if answer is None else str(answer[0])

    def caret_of(self, node: Node) -> int | None:
        """Characters before the caret."""
        (answer,) = self._ask([property_of(node.reference, TEXT, "CaretOffset")])
        return None if answer is None else int(answer[0][1])

    def character_box(self, node: Node, offset: int) -> Box | None:
        """Where a character of its text is on the screen."""
        asked = call(
            node.reference, TEXT, "GetCharacterExtents", "iu", (offset, _SCREEN_COORDINATES)
        )
        (answer,) = self._ask([asked])
        return None if answer is None else _box(*answer[:4])

    def value_of(self, node: Node) -> float | None:
        """Of a slider, a spin button or a scroll bar."""
        (answer,) = self._ask([property_of(node.reference, _VALUE, "CurrentValue")])
        return None if answer is None else float(answer[0][1])

    def cell(self, table: Node, row: int, column: int) -> Node | None:
        """A cell of a table that is too big for its children to be listed; from 0."""
        asked = call(table.reference, _TABLE, "GetAccessibleAt", "ii", (row, column))
        (answer,) = self._ask([asked])
        if answer is None:
            return None
        parents = (*table.parents, table.reference)
        place = _Place(tuple(answer[0]), table.application, parents)
        return next(iter(self._read([place], hidden=True)), None)

    def close(self) -> None:
        self._calls.close()

    def _applications(self) -> Iterator[tuple[Reference, str]]:
        (references,) = self._calls.children([(APPLICATIONS, ())])
        names = self._ask([property_of(reference, ACCESSIBLE, "Name") for reference in references])
        for reference, name in zip(references, names, strict=True):
            if name is not None:
                yield reference, str(name[0][1])

    def _read(
        self,
        which: Sequence[_Place],
        *,
        hidden: bool = False,
    ) -> list[Node]:
        """The nodes that are showing; those that went meanwhile are left out."""
        answers = self._ask([call(of.reference, ACCESSIBLE, "GetState") for of in which])
        shown = [
            (place, states)
            for place, answer in zip(which, answers, strict=True)
            if answer is not None
            and (
                "showing" in (states := frozenset(states_of(answer[0])))
                or hidden
                or place.in_open_menu
            )
        ]
        references = [place.reference for place, _ in shown]
        roles = self._ask([call(of, ACCESSIBLE, "GetRoleName") for of in references])
        names = self._ask([property_of(of, ACCESSIBLE, "Name") for of in references])
        boxes = self._ask(
            [call(of, COMPONENT, "GetExtents", "u", (_SCREEN_COORDINATES,)) for of in references]
        )
        read = [
            Node(
                role=str(role[0]),
                name=str(name[0][1]),
                box=None if box is None else _box(*box[0]),
                states=states,
                application=place.application,
                reference=place.reference,
                parents=place.parents,
            )
            for (place, states), role, name, box in zip(shown, roles, names, boxes, strict=True)
            if role is not None and name is not None
        ]
        return [
            node for node in read if hidden or node.has("showing") or _is_in_open_menu(node.box)
        ]


def _is_in_open_menu(box: Box | None) -> bool:
    """What is not drawn is at the smallest number there is."""
    return box is not None and box.left > -_FAR_PX


def _box(left: int, top: int, width: int, height: int) -> Box | None:
    return Box(left, top, left + width, top + height) if width > 0 and height > 0 else None
