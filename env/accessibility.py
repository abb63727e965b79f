"""What has the focus and what lies under a point, as applications tell assistive tools.

AT-SPI over D-Bus. Used to keep passwords out of recordings and to name what a
person clicked; the agent never sees through it. An application that does not
take part (xterm, GTK 2 ones) is not there.
"""

import os
import socket
import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jeepney import (
    DBusAddress,
    DBusErrorResponse,
    HeaderFields,
    MatchRule,
    MessageType,
    Properties,
    message_bus,
    new_method_call,
)
from jeepney.bus import get_bus
from jeepney.io.blocking import DBusConnection
from jeepney.io.common import RouterClosed

from env.errors import DesktopUnavailable
from env.screen import Box

PASSWORD_TEXT = "password text"
_REGISTRY, _ROOT = "org.a11y.atspi.Registry", "/org/a11y/atspi/accessible/root"
_ACCESSIBLE, _COMPONENT = "org.a11y.atspi.Accessible", "org.a11y.atspi.Component"
_NOTHING = "/org/a11y/atspi/null"
_CALL_SECONDS = 0.5
_DEEPEST = 60
_MERE_TEXT = ("static", "text leaf")
_SCREEN_COORDINATES = 0
_LOST = (OSError, DBusErrorResponse, TimeoutError, RouterClosed, EOFError)


@dataclass(frozen=True, slots=True)
class Element:
    role: str
    """AT-SPI's name: "push button", "password text"."""
    name: str
    box: Box | None
    """On the screen; None: it did not say."""


@dataclass(frozen=True, slots=True)
class Focused:
    at: float
    """Seconds of the monotonic clock, when we heard of it."""
    element: Element


@dataclass(frozen=True, slots=True)
class SessionBus:
    """The D-Bus session that applications are on, which may be in a sandbox."""

    address: str
    """As the applications know it."""
    user: int
    """The user number that we have in the daemon's eyes."""
    root: Path = Path("/")
    """The applications' root folder, seen from here."""

    @classmethod
    def own(cls, address: str) -> "SessionBus":
        """Of the session that this process belongs to."""
        return cls(address, os.geteuid())

    def connect(self, address: str) -> DBusConnection:
        """To this bus or to another that applications were told of.

        Raises:
            OSError: nobody there, or we are not let in.
            ValueError: no address of a socket.
        """
        where = get_bus(address)
        if self.root != Path("/"):
            if where.startswith("\0"):
                raise ValueError(f"{address} would be a bus of this machine, not of the sandbox")
            where = f"{self.root}{where}"
        link = socket.socket(socket.AF_UNIX)
        try:
            link.settimeout(_CALL_SECONDS)
            link.connect(where)
            # jeepney's own greeting names the user we are here, not the one the daemon sees.
            claim = str(self.user).encode().hex().encode()
            link.sendall(b"\0AUTH EXTERNAL " + claim + b"\r\n")
            said = link.recv(1024)
            if not said.startswith(b"OK "):
                raise ConnectionRefusedError(f"the bus said {said!r}")
            link.sendall(b"BEGIN\r\n")
            link.settimeout(None)
            return DBusConnection(link)
        except BaseException:
            link.close()
            raise


class Accessibility:
    """A listener for what has the focus, and a way to ask about a point."""

    def __init__(self, session_bus: SessionBus) -> None:
        """
        Args:
            session_bus: the D-Bus session the applications are on.

        Raises:
            DesktopUnavailable: nobody offers accessibility there.
        """
        try:
            with session_bus.connect(session_bus.address) as session:
                asked = new_method_call(
                    DBusAddress("/org/a11y/bus", "org.a11y.Bus", "org.a11y.Bus"), "GetAddress"
                )
                (address,) = _answer(session, asked)
            self._calls = session_bus.connect(address)
            self._signals = session_bus.connect(address)
        except (*_LOST, ValueError, KeyError) as error:
            raise DesktopUnavailable(
                f"no accessibility on {session_bus.address}: {error!r}"
            ) from error
        self._lock = threading.Lock()
        self._history: deque[Focused] = deque(maxlen=1000)
        self._closed = False
        self._subscribe()
        self._thread = threading.Thread(target=self._listen, name="accessibility", daemon=True)
        self._thread.start()

    def focused(self, at: float) -> Element | None:
        """What had the focus at a moment; None: nothing was heard of by then."""
        found = None
        for focused in list(self._history):
            if focused.at > at:
                break
            found = focused.element
        return found

    def now_focused(self) -> Element | None:
        return self.focused(time.monotonic())

    def element_at(self, x: int, y: int) -> Element | None:
        """The innermost element under a point of the screen; None: no application says so."""
        try:
            with self._lock:
                for application in self._children((_REGISTRY, _ROOT)):
                    for window in self._children(application):
                        found = self._innermost(window, x, y)
                        if found is not None:
                            return self._control_of(found)
        except _LOST:
            return None
        return None

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._signals.close()
            self._thread.join(2.0)
            self._calls.close()

    def _subscribe(self) -> None:
        rule = MatchRule(
            type="signal", interface="org.a11y.atspi.Event.Object", member="StateChanged"
        )
        _answer(self._signals, message_bus.AddMatch(rule))
        registry = DBusAddress("/org/a11y/atspi/registry", _REGISTRY, _REGISTRY)
        for event in ("object:state-changed:focused",):
            asked = new_method_call(registry, "RegisterEvent", "sass", (event, [], ""))
            try:
                _answer(self._signals, asked)
            except DBusErrorResponse:
                # Older registries take the event alone.
                _answer(self._signals, new_method_call(registry, "RegisterEvent", "s", (event,)))

    def _listen(self) -> None:
        while not self._closed:
            try:
                message = self._signals.receive()
            except _LOST:
                return
            fields = message.header.fields
            body = message.body
            if not body or body[0] != "focused" or body[1] != 1:
                continue
            heard = time.monotonic()
            path, sender = fields.get(HeaderFields.path), fields.get(HeaderFields.sender)
            try:
                with self._lock:
                    element = self._element((sender, path))
            except _LOST:
                continue
            self._history.append(Focused(heard, element))

    def _element(self, which: tuple[Any, Any]) -> Element:
        role = self._call(which, _ACCESSIBLE, "GetRoleName")[0]
        sender, path = which
        asked = Properties(DBusAddress(path, sender, _ACCESSIBLE)).get("Name")
        ((_, name),) = _answer(self._calls, asked)
        box = None
        try:
            asked_box = self._call(which, _COMPONENT, "GetExtents", "u", (_SCREEN_COORDINATES,))
            left, top, width, height = asked_box[0]
            box = Box(left, top, left + width, top + height) if width > 0 and height > 0 else None
        except DBusErrorResponse:
            box = None
        return Element(str(role), str(name), box)

    def _control_of(self, which: tuple[Any, Any]) -> Element:
        """The element, or what it is the mere text of: a button, not the words on it."""
        element = self._element(which)
        while element.role in _MERE_TEXT:
            sender, path = which
            asked = Properties(DBusAddress(path, sender, _ACCESSIBLE)).get("Parent")
            ((_, which),) = _answer(self._calls, asked)
            element = self._element(which)
        return element

    def _children(self, which: tuple[Any, Any]) -> list[tuple[Any, Any]]:
        return list(self._call(which, _ACCESSIBLE, "GetChildren")[0])

    def _innermost(self, which: tuple[Any, Any], x: int, y: int) -> tuple[Any, Any] | None:
        found = None
        for _ in range(_DEEPEST):
            try:
                inner = self._call(
                    which, _COMPONENT, "GetAccessibleAtPoint", "iiu", (x, y, _SCREEN_COORDINATES)
                )[0]
            except DBusErrorResponse:
                return found
            if inner[1] == _NOTHING or inner == which:
                return found
            found = which = inner
        return found

    def _call(
        self,
        which: tuple[Any, Any],
        interface: str,
        member: str,
        signature: str = "",
        arguments: tuple[Any, ...] = (),
    ) -> Any:
        sender, path = which
        asked = new_method_call(
            DBusAddress(path, sender, interface), member, signature or None, arguments
        )
        return _answer(self._calls, asked)


def _answer(connection: DBusConnection, message: Any) -> Any:
    reply = connection.send_and_get_reply(message, timeout=_CALL_SECONDS)
    if reply.header.message_type == MessageType.error:
        raise DBusErrorResponse(reply)
    return reply.body
