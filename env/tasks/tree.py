"""What applications show, written as OSWorld's server writes it: one XML element a widget.

The tag is the role, states and places are attributes, the text of a field is the element's.
Questions go out many at a time: one after the other they take seconds for one browser window.
Bounded, unlike OSWorld's, which walks through a spreadsheet for hours.
"""

import re
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from jeepney import (
    DBusAddress,
    HeaderFields,
    Message,
    MessageType,
    Properties,
    new_method_call,
)
from jeepney.io.blocking import DBusConnection
from jeepney.io.common import RouterClosed
from lxml import etree

from env.accessibility import SessionBus
from env.errors import DesktopUnavailable
from env.tasks.metrics.markup import UBUNTU

_REGISTRY, _ROOT = "org.a11y.atspi.Registry", "/org/a11y/atspi/accessible/root"
_ACCESSIBLE, _COMPONENT = "org.a11y.atspi.Accessible", "org.a11y.atspi.Component"
_TEXT = "org.a11y.atspi.Text"
_STATES = (
    "invalid active armed busy checked collapsed defunct editable enabled expandable expanded"
    " focusable focused has-tooltip horizontal iconified modal multi-line multiselectable opaque"
    " pressed resizable selectable selected sensitive showing single-line stale transient vertical"
    " visible manages-descendants indeterminate required truncated animated invalid-entry"
    " supports-autocompletion selectable-text is-default visited checkable has-popup read-only"
)
"""In the order of their bits."""

_TOGETHER = 200
_SECONDS = 20.0
_ANSWER_SECONDS = 3.0
_MOST_NODES = 20_000
_MOST_CHILDREN = 1024
_MOST_LETTERS = 100_000
_DEEPEST = 50
_ENUMERATED_NAME = re.compile(r"[^A-Za-z0-9_.-]")
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Reference = tuple[str, str]


class _Read(NamedTuple):
    role: str
    name: str
    states: tuple[str, ...]
    place: tuple[int, int, int, int] | None
    text: str
    attributes: dict[str, str]
    children: list[Reference]


def accessibility_xml(bus: SessionBus) -> str:
    """Raises `DesktopUnavailable`: nobody offers accessibility there."""
    asked = new_method_call(
        DBusAddress("/org/a11y/bus", "org.a11y.Bus", "org.a11y.Bus"), "GetAddress"
    )
    try:
        with bus.connect(bus.address) as session:
            (address,) = session.send_and_get_reply(asked, timeout=_ANSWER_SECONDS).body
        with bus.connect(address) as connection:
            return _written(_Walk(connection).root())
    except (OSError, RouterClosed, EOFError, ValueError) as error:
        raise DesktopUnavailable(f"no accessibility on {bus.address}: {error!r}") from error


class _Walk:
    def __init__(self, connection: DBusConnection) -> None:
        self._connection = connection
        self._until = time.monotonic() + _SECONDS
        self._nodes = 0

    def root(self) -> Any:
        root = etree.Element("desktop-frame", nsmap=UBUNTU)
        (children,) = self._answers([_children((_REGISTRY, _ROOT))])
        level = [(root, reference) for reference in _references(children)]
        for _ in range(_DEEPEST):
            if not level or self._nodes > _MOST_NODES or time.monotonic() > self._until:
                break
            read = self._read([reference for _, reference in level])
            inner = []
            for (parent, _), node in zip(level, read, strict=True):
                if node is not None:
                    element = _element(parent, node)
                    inner += [(element, child) for child in node.children[:_MOST_CHILDREN]]
            level = inner
        return root

    def _read(self, references: Sequence[Reference]) -> list[_Read | None]:
        self._nodes += len(references)
        questions = [question for one in references for question in _questions(one)]
        answers = self._answers(questions)
        width = len(questions) // len(references)
        pieces = (answers[at : at + width] for at in range(0, len(answers), width))
        return [_node(*piece) for piece in pieces]

    def _answers(self, questions: Sequence[Message]) -> list[Any]:
        """The first value of each answer; None: an error, or nothing in time."""
        found: list[Any] = []
        for start in range(0, len(questions), _TOGETHER):
            found += self._together(questions[start : start + _TOGETHER])
        return found

    def _together(self, questions: Sequence[Message]) -> list[Any]:
        places: dict[int, int] = {}
        for place, question in enumerate(questions):
            serial = next(self._connection.outgoing_serial)
            self._connection.send(question, serial=serial)
            places[serial] = place
        found: list[Any] = [None] * len(questions)
        until = min(self._until, time.monotonic() + _ANSWER_SECONDS)
        while places and (left := until - time.monotonic()) > 0:
            try:
                message = self._connection.receive(timeout=left)
            except TimeoutError:
                break
            place_of = places.pop(message.header.fields.get(HeaderFields.reply_serial, -1), None)
            if place_of is None or message.header.message_type != MessageType.method_return:
                continue
            found[place_of] = message.body[0] if message.body else None
        return found


def _children(reference: Reference) -> Message:
    return _call(reference, _ACCESSIBLE, "GetChildren")


def _questions(reference: Reference) -> tuple[Message, ...]:
    sender, path = reference
    return (
        _call(reference, _ACCESSIBLE, "GetRoleName"),
        Properties(DBusAddress(path, sender, _ACCESSIBLE)).get("Name"),
        _call(reference, _ACCESSIBLE, "GetState"),
        _call(reference, _COMPONENT, "GetExtents", "u", (0,)),
        _call(reference, _TEXT, "GetText", "ii", (0, _MOST_LETTERS)),
        _call(reference, _TEXT, "GetText", "ii", (0, -1)),
        _call(reference, _ACCESSIBLE, "GetAttributes"),
        _children(reference),
    )


def _call(
    reference: Reference,
    interface: str,
    member: str,
    signature: str | None = None,
    arguments: tuple[Any, ...] = (),
) -> Message:
    sender, path = reference
    return new_method_call(DBusAddress(path, sender, interface), member, signature, arguments)


def _node(
    role: Any,
    name: Any,
    states: Any,
    place: Any,
    text: Any,
    whole: Any,
    attributes: Any,
    children: Any,
) -> _Read | None:
    """None: it went, or its application is busy."""
    if not isinstance(role, str) or states is None:
        return None
    bits = states[0] | states[1] << 32
    return _Read(
        role=role,
        name=name[1] if name else "",
        states=tuple(one for at, one in enumerate(_STATES.split()) if bits >> at & 1),
        place=tuple(place) if place and place[2] > 0 and place[3] > 0 else None,
        # Some toolkits take no end past the text's, some no "-1" for it.
        text=str(whole or text or "")[:_MOST_LETTERS],
        attributes=attributes or {},
        children=_references(children),
    )


def _references(children: Any) -> list[Reference]:
    return [(sender, path) for sender, path in children or ()]


def _element(parent: Any, node: _Read) -> Any:
    tag = _ENUMERATED_NAME.sub("-", node.role) or "unknown"
    element = etree.SubElement(parent, tag if tag[0].isalpha() else f"role-{tag}")
    element.set("name", _clean(node.name))
    for state in node.states:
        element.set(f"{{{UBUNTU['st']}}}{state}", "true")
    if node.place is not None:
        left, top, width, height = node.place
        element.set(f"{{{UBUNTU['cp']}}}screencoord", f"({left}, {top})")
        element.set(f"{{{UBUNTU['cp']}}}size", f"({width}, {height})")
    for key, value in node.attributes.items():
        safe = _ENUMERATED_NAME.sub("_", key)
        if safe and safe[0].isalpha():
            element.set(f"{{{UBUNTU['attr']}}}{safe}", _clean(value))
    if node.text:
        element.text = _clean(node.text)
    return element


def _clean(text: str) -> str:
    return _NOT_XML.sub("", text)


def _written(root: Any) -> str:
    text: str = etree.tostring(root, encoding="unicode")
    return text
