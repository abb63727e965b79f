"""Everything that applications tell assistive tools, as the XML that OSWorld's server writes.

A node's tag is its role; states, position and size are attributes in OSWorld's name spaces, the
text of a field is the element's. Bounded, unlike OSWorld's, which walks through a spreadsheet for
hours.
"""

import re
import time
from contextlib import closing
from typing import Any
from xml.etree import ElementTree

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
from env.errors import DesktopLost, DesktopUnavailable

_SPACE = "https://accessibility.ubuntu.example.org/ns"
_STATE, _PLACE = f"{{{_SPACE}/state}}", f"{{{_SPACE}/component}}"
_ATTRIBUTE = f"{{{_SPACE}/attributes}}"
_PREFIXES = {"st": "state", "cp": "component", "attr": "attributes"}
_MOST_SECONDS = 20.0
_MOST_NODES = 20_000
_MOST_LETTERS = 100_000
_DEEPEST = 50
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.-]")
_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def accessibility_xml(session_bus: SessionBus) -> str:
    """
    Raises:
        DesktopUnavailable: nobody offers accessibility there.
    """
    for prefix, name in _PREFIXES.items():
        ElementTree.register_namespace(prefix, f"{_SPACE}/{name}")
    try:
        with closing(AccessibilityCalls(session_bus)) as calls:
            return ElementTree.tostring(_walked(calls), encoding="unicode")
    except DesktopLost as error:
        raise DesktopUnavailable(f"no accessibility: {error}") from error


def _walked(calls: AccessibilityCalls) -> ElementTree.Element:
    """Level by level."""
    top = ElementTree.Element("desktop-frame")
    level = [(top, child) for child in calls.children([(APPLICATIONS, ())])[0]]
    until, num_nodes = time.monotonic() + _MOST_SECONDS, 0
    for _ in range(_DEEPEST):
        if not level or num_nodes > _MOST_NODES or time.monotonic() > until:
            break
        num_nodes += len(level)
        grown = _grown(calls, level)
        children = calls.children([(reference, states) for _, reference, states in grown])
        level = [
            (element, child)
            for (element, _, _), inner in zip(grown, children, strict=True)
            for child in inner
        ]
    return top


def _grown(
    calls: AccessibilityCalls, level: list[tuple[ElementTree.Element, Reference]]
) -> list[tuple[ElementTree.Element, Reference, tuple[str, ...]]]:
    """An element for each object that is still there, in its parent's."""
    questions = [question for _, reference in level for question in _questions(reference)]
    answers = iter(calls.ask(questions))
    width = len(questions) // len(level)
    grown = []
    for parent, reference in level:
        role, state, *more = (next(answers) for _ in range(width))
        # It went, or its application is busy.
        if role is not None and state is not None:
            states = states_of(state[0])
            grown.append((_element(parent, str(role[0]), states, *more), reference, states))
    return grown


def _questions(reference: Reference) -> tuple[Any, ...]:
    return (
        call(reference, ACCESSIBLE, "GetRoleName"),
        call(reference, ACCESSIBLE, "GetState"),
        property_of(reference, ACCESSIBLE, "Name"),
        call(reference, COMPONENT, "GetExtents", "u", (0,)),
        call(reference, TEXT, "GetText", "ii", (0, _MOST_LETTERS)),
        call(reference, TEXT, "GetText", "ii", (0, -1)),
        call(reference, ACCESSIBLE, "GetAttributes"),
    )


def _element(
    parent: ElementTree.Element,
    role: str,
    states: tuple[str, ...],
    name: Any,
    place: Any,
    text: Any,
    whole: Any,
    attributes: Any,
) -> ElementTree.Element:
    tag = _NOT_IN_NAMES.sub("-", role) or "unknown"
    element = ElementTree.SubElement(parent, tag if tag[0].isalpha() else f"role-{tag}")
    element.set("name", _clean(str(name[0][1]) if name else ""))
    for state in states:
        element.set(f"{_STATE}{state.replace('_', '-')}", "true")
    left, top, width, height = place[0] if place else (0, 0, 0, 0)
    if width > 0 and height > 0:
        element.set(f"{_PLACE}screencoord", f"({left}, {top})")
        element.set(f"{_PLACE}size", f"({width}, {height})")
    for key, value in (attributes[0] if attributes else {}).items():
        safe = _NOT_IN_NAMES.sub("_", key)
        if safe and safe[0].isalpha():
            element.set(f"{_ATTRIBUTE}{safe}", _clean(value))
    # Some toolkits take no end past the text's, some no "-1" for it.
    told = next((answer[0] for answer in (whole, text) if answer and answer[0]), "")
    element.text = _clean(str(told)[:_MOST_LETTERS]) or None
    return element


def _clean(text: str) -> str:
    return _NOT_IN_XML.sub("", text)
