"""Everything that applications tell assistive tools, as the XML that OSWorld's graders read.

A node's tag is its role; states, position and size are attributes in OSWorld's name spaces. What
would not end is cut: a spreadsheet has 2,147,483,647 cells, asked for all of which LibreOffice
hangs for good.
"""

import re
import time
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

from jeepney import DBusAddress, DBusErrorResponse, MessageType, Properties, new_method_call
from jeepney.io.blocking import DBusConnection
from jeepney.io.common import RouterClosed

from env.accessibility import SessionBus
from env.errors import DesktopUnavailable

MAX_DEPTH = 50
MAX_CHILDREN = 1024
MAX_NODES = 20_000
MAX_SECONDS = 20.0

_SPACE = "https://accessibility.ubuntu.example.org/ns"
_STATE, _COMPONENT = f"{{{_SPACE}/state}}", f"{{{_SPACE}/component}}"
_ACCESSIBLE, _COMPONENT_INTERFACE = "org.a11y.atspi.Accessible", "org.a11y.atspi.Component"
_REGISTRY, _ROOT = "org.a11y.atspi.Registry", "/org/a11y/atspi/accessible/root"
_CALL_SECONDS = 1.0
_GONE = (DBusErrorResponse, TimeoutError)
_LOST = (OSError, RouterClosed, EOFError, ValueError, KeyError)

_STATES = (
    *("invalid", "active", "armed", "busy", "checked", "collapsed", "defunct", "editable"),
    *("enabled", "expandable", "expanded", "focusable", "focused", "has-tooltip", "horizontal"),
    *("iconified", "modal", "multi-line", "multiselectable", "opaque", "pressed", "resizable"),
    *("selectable", "selected", "sensitive", "showing", "single-line", "stale", "transient"),
    *("vertical", "visible", "manages-descendants", "indeterminate", "required", "truncated"),
    *("animated", "invalid-entry", "supports-autocompletion", "selectable-text", "is-default"),
    *("visited", "checkable", "has-popup", "read-only"),
)
"""By bit, as AT-SPI numbers them."""

_MANAGES_DESCENDANTS = 1 << _STATES.index("manages-descendants")
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def tree_of(session_bus: SessionBus) -> str:
    """
    Raises:
        DesktopUnavailable: nobody offers accessibility there.
    """
    for name, prefix in (("state", "st"), ("component", "cp")):
        ElementTree.register_namespace(prefix, f"{_SPACE}/{name}")
    try:
        with session_bus.connect(session_bus.address) as session:
            asked = new_method_call(
                DBusAddress("/org/a11y/bus", "org.a11y.Bus", "org.a11y.Bus"), "GetAddress"
            )
            (address,) = _answer(session, asked)
        with session_bus.connect(address) as connection:
            root = _Walk(connection).whole()
    except (*_GONE, *_LOST) as error:
        raise DesktopUnavailable(f"no accessibility: {error!r}") from error
    return ElementTree.tostring(root, encoding="unicode")


class _Walk:
    def __init__(self, connection: DBusConnection) -> None:
        self._connection = connection
        self._until = time.monotonic() + MAX_SECONDS
        self._num_nodes = 0

    def whole(self) -> ElementTree.Element:
        top = ElementTree.Element("desktop-frame", {"name": "main"})
        self._fill(top, (_REGISTRY, _ROOT), 0)
        return top

    def _fill(self, parent: ElementTree.Element, which: tuple[str, str], depth: int) -> None:
        for child in self._children(which):
            if self._num_nodes >= MAX_NODES or time.monotonic() > self._until:
                return
            try:
                node, states = self._node(child)
            except _GONE:
                # An application that went, or one that does not answer.
                continue
            self._num_nodes += 1
            parent.append(node)
            if depth < MAX_DEPTH and not states & _MANAGES_DESCENDANTS:
                self._fill(node, child, depth + 1)

    def _children(self, which: tuple[str, str]) -> Iterator[tuple[str, str]]:
        try:
            children = self._call(which, _ACCESSIBLE, "GetChildren")[0]
        except _GONE:
            return
        yield from children[:MAX_CHILDREN]

    def _node(self, which: tuple[str, str]) -> tuple[ElementTree.Element, int]:
        role = str(self._call(which, _ACCESSIBLE, "GetRoleName")[0])
        low, high = self._call(which, _ACCESSIBLE, "GetState")[0]
        states = low | high << 32
        tag = re.sub(r"[^\w.-]", "-", role.replace(" ", "-")) or "unknown"
        node = ElementTree.Element(tag if not tag[0].isdigit() else f"_{tag}")
        sender, path = which
        asked = Properties(DBusAddress(path, sender, _ACCESSIBLE)).get("Name")
        node.set("name", _NOT_IN_XML.sub("", str(_answer(self._connection, asked)[0][1])))
        for bit, name in enumerate(_STATES):
            if states >> bit & 1:
                node.set(f"{_STATE}{name}", "true")
        try:
            left, top, width, height = self._call(
                which, _COMPONENT_INTERFACE, "GetExtents", "u", (0,)
            )[0]
        except DBusErrorResponse:
            return node, states
        node.set(f"{_COMPONENT}screencoord", f"({left}, {top})")
        node.set(f"{_COMPONENT}size", f"({width}, {height})")
        return node, states

    def _call(
        self,
        which: tuple[str, str],
        interface: str,
        member: str,
        signature: str | None = None,
        arguments: tuple[Any, ...] = (),
    ) -> Any:
        sender, path = which
        asked = new_method_call(DBusAddress(path, sender, interface), member, signature, arguments)
        return _answer(self._connection, asked)


def _answer(connection: DBusConnection, message: Any) -> Any:
    reply = connection.send_and_get_reply(message, timeout=_CALL_SECONDS)
    if reply.header.message_type == MessageType.error:
        raise DBusErrorResponse(reply)
    return reply.body
