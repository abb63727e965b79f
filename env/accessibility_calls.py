"""Questions to applications over AT-SPI's bus, many at a time: one by one they take seconds.

Whoever does not answer in time (a program that starts, one that went) has no answer; the others
have. What would not end is not asked.
"""

import time
from collections.abc import Collection, Iterable, Sequence
from itertools import islice
from typing import Any

from jeepney import (
    DBusAddress,
    HeaderFields,
    Message,
    MessageFlag,
    MessageType,
    Properties,
    new_method_call,
)
from jeepney.io.common import RouterClosed

from env.accessibility import SessionBus
from env.errors import DesktopLost

ACCESSIBLE, COMPONENT = "org.a11y.atspi.Accessible", "org.a11y.atspi.Component"
TEXT = "org.a11y.atspi.Text"
MOST_CHILDREN = 1024
"""Of one object, as OSWorld's server has it."""

Reference = tuple[str, str]
"""Where an object lives: its bus name and its path."""

APPLICATIONS: Reference = ("org.a11y.atspi.Registry", "/org/a11y/atspi/accessible/root")
"""Their parent."""

_STATES = """
    invalid active armed busy checked collapsed defunct editable enabled expandable expanded
    focusable focused has_tooltip horizontal iconified modal multi_line multiselectable opaque
    pressed resizable selectable selected sensitive showing single_line stale transient
    vertical visible manages_descendants indeterminate required truncated animated
    invalid_entry supports_autocompletion selectable_text is_default visited checkable
    has_popup read_only
"""
"""In the order of their bits (AtspiStateType)."""

_TOGETHER = 100
_ANSWER_SECONDS = 3.0
_LOST = (OSError, RouterClosed, EOFError)


class AccessibilityCalls:
    """A connection of one's own to the desktop's accessibility bus. One thread at a time."""

    def __init__(self, session_bus: SessionBus) -> None:
        """
        Args:
            session_bus: the D-Bus session the applications are on.

        Raises:
            DesktopUnavailable: nobody offers accessibility there.
        """
        [self._bus] = session_bus.connect_to_accessibility(1, _ANSWER_SECONDS)

    def ask(self, messages: Iterable[Message]) -> list[Any]:
        """The body of every answer; None where none came.

        Raises:
            DesktopLost: the bus went.
        """
        answers: list[Any] = []
        pending = iter(messages)
        try:
            while batch := list(islice(pending, _TOGETHER)):
                answers += self._ask_together(batch)
        except _LOST as error:
            raise DesktopLost(f"the accessibility bus does not answer: {error!r}") from error
        return answers

    def children(
        self, parents: Sequence[tuple[Reference, Collection[str]]]
    ) -> list[list[Reference]]:
        """Those of each, of which we have its states. None where they are too many: a sheet has
        two thousand million cells, and LibreOffice, asked for them, hangs for good."""
        large = [reference for reference, states in parents if "manages_descendants" in states]
        counts = self.ask(property_of(reference, ACCESSIBLE, "ChildCount") for reference in large)
        too_many = {
            reference
            for reference, count in zip(large, counts, strict=True)
            if count is None or not 0 <= count[0][1] <= MOST_CHILDREN
        }
        asked = [reference for reference, _ in parents if reference not in too_many]
        answers = self.ask(call(reference, ACCESSIBLE, "GetChildren") for reference in asked)
        found = {
            reference: [(str(sender), str(path)) for sender, path in answer[0][:MOST_CHILDREN]]
            for reference, answer in zip(asked, answers, strict=True)
            if answer is not None
        }
        return [found.get(reference, []) for reference, _ in parents]

    def close(self) -> None:
        self._bus.close()

    def _ask_together(self, batch: Sequence[Message]) -> list[Any]:
        waiting: dict[int, int] = {}
        for index, message in enumerate(batch):
            serial = next(self._bus.outgoing_serial)
            self._bus.send(message, serial=serial)
            waiting[serial] = index
        bodies: list[Any] = [None] * len(batch)
        until = time.monotonic() + _ANSWER_SECONDS
        while waiting:
            try:
                reply = self._bus.receive(timeout=max(0.0, until - time.monotonic()))
            except TimeoutError:
                break
            serial = reply.header.fields.get(HeaderFields.reply_serial, -1)
            answered = waiting.pop(serial, None)
            if answered is not None and reply.header.message_type == MessageType.method_return:
                bodies[answered] = reply.body
        return bodies


def call(
    which: Reference,
    interface: str,
    member: str,
    signature: str = "",
    arguments: tuple[Any, ...] = (),
) -> Message:
    sender, path = which
    asked = new_method_call(
        DBusAddress(path, sender, interface), member, signature or None, arguments
    )
    # An application that went must not be started again by being asked.
    asked.header.flags = MessageFlag.no_auto_start
    return asked


def property_of(which: Reference, interface: str, name: str) -> Message:
    """A property: the answer's body is `((type, value),)`."""
    sender, path = which
    return Properties(DBusAddress(path, sender, interface)).get(name)


def states_of(words: Sequence[int]) -> tuple[str, ...]:
    """In the order of their bits."""
    bits = words[0] | words[1] << 32
    return tuple(name for bit, name in enumerate(_STATES.split()) if bits >> bit & 1)
