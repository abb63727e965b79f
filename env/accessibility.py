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
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
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
from env.no_links import pinned
from env.screen import Box

PASSWORD_TEXT = "password text"
_REGISTRY, _ROOT = "org.a11y.atspi.Registry", "/org/a11y/atspi/accessible/root"
_ACCESSIBLE, _COMPONENT = "org.a11y.atspi.Accessible", "org.a11y.atspi.Component"
_NOTHING = "/org/a11y/atspi/null"
_CALL_SECONDS = 0.5
ANSWER_SECONDS = 10.0
"""For which an application that is too busy to say what has its focus is asked again."""
_AGAIN_SECONDS = 0.05
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
    """On the screen, when we asked; None: it did not say."""
    which: tuple[str, str] | None = None
    """The application on the bus and its object: what `Accessibility.box_of` asks by."""


NOT_KNOWN = Element("not known", "", None)
"""Something got the focus, and its application has not said yet what."""


@dataclass(slots=True)
class _Focused:
    at: float
    """Seconds of the monotonic clock, when we heard of it."""
    which: tuple[Any, Any]
    element: Element = NOT_KNOWN


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
        if self.root != Path("/") and where.startswith("\0"):
            raise ValueError(f"{address} would be a bus of this machine, not of the sandbox")
        link = socket.socket(socket.AF_UNIX)
        try:
            link.settimeout(_CALL_SECONDS)
            self._connect(link, where)
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

    def connect_to_accessibility(self, count: int, seconds: float) -> list[DBusConnection]:
        """Connections to the bus on which applications tell what they show.

        Args:
            seconds: to wait for its address.

        Raises:
            DesktopUnavailable: nobody offers accessibility here.
        """
        asked = new_method_call(
            DBusAddress("/org/a11y/bus", "org.a11y.Bus", "org.a11y.Bus"), "GetAddress"
        )
        try:
            with self.connect(self.address) as session:
                (address,) = _answer(session, asked, seconds)
            return [self.connect(address) for _ in range(count)]
        except (*_LOST, ValueError, KeyError) as error:
            raise DesktopUnavailable(f"no accessibility on {self.address}: {error!r}") from error

    def _connect(self, link: socket.socket, where: str) -> None:
        if self.root == Path("/"):
            link.connect(where)
            return
        with ExitStack() as stack:
            root = os.open(self.root, os.O_PATH | os.O_DIRECTORY)
            stack.callback(os.close, root)
            # An application may have put a link there, which would lead to a bus of this machine.
            bus = pinned(root, where.lstrip("/"))
            stack.callback(os.close, bus)
            link.connect(f"/proc/self/fd/{bus}")


class Accessibility:
    """A listener for what has the focus, and a way to ask about a point."""

    def __init__(self, session_bus: SessionBus) -> None:
        """
        Args:
            session_bus: the D-Bus session the applications are on.

        Raises:
            DesktopUnavailable: nobody offers accessibility there.
        """
        buses = session_bus.connect_to_accessibility(4, _CALL_SECONDS)
        self._calls, self._place_calls, self._focus_calls, self._signals = buses
        self._lock = threading.Lock()
        self._place_lock = threading.Lock()
        self._history: deque[_Focused] = deque(maxlen=1000)
        self._to_ask: SimpleQueue[_Focused | None] = SimpleQueue()
        self._closed = False
        self._subscribe()
        # Who hears must not wait for who answers: the moment is what counts.
        self._thread = threading.Thread(target=self._listen, name="focus", daemon=True)
        self._asker = threading.Thread(target=self._ask_on, name="focused", daemon=True)
        self._thread.start()
        self._asker.start()

    @property
    def alive(self) -> bool:
        """False: nothing is heard any more; what has the focus is not known from then on."""
        return self._thread.is_alive()

    def focused(self, at: float) -> Element | None:
        """What had the focus at a moment; None: nothing was heard of by then. `NOT_KNOWN` while
        its application has not answered, which is asked again for some seconds."""
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

    def box_of(self, element: Element) -> Box | None:
        """Where it is now; None: it is gone, or nobody says."""
        if element.which is None:
            return None
        try:
            with self._place_lock:
                return _box(self._place_calls, element.which)
        except _LOST:
            return None

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._signals.close()
            self._thread.join(2.0)
            self._to_ask.put(None)
            self._asker.join(2.0)
            self._focus_calls.close()
            self._place_calls.close()
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
            path, sender = fields.get(HeaderFields.path), fields.get(HeaderFields.sender)
            focused = _Focused(time.monotonic(), (sender, path))
            self._history.append(focused)
            self._to_ask.put(focused)

    def _ask_on(self) -> None:
        """What the elements are; an application that is busy is asked again."""
        while (focused := self._to_ask.get()) is not None:
            until = time.monotonic() + ANSWER_SECONDS
            while not self._closed and time.monotonic() < until:
                try:
                    focused.element = _element(self._focus_calls, focused.which)
                    break
                except DBusErrorResponse:
                    # It is gone, and takes no more keys.
                    focused.element = Element("", "", None)
                    break
                except _LOST:
                    time.sleep(_AGAIN_SECONDS)

    def _control_of(self, which: tuple[Any, Any]) -> Element:
        """The element, or what it is the mere text of: a button, not the words on it."""
        element = _element(self._calls, which)
        while element.role in _MERE_TEXT:
            sender, path = which
            asked = Properties(DBusAddress(path, sender, _ACCESSIBLE)).get("Parent")
            ((_, which),) = _answer(self._calls, asked)
            element = _element(self._calls, which)
        return element

    def _children(self, which: tuple[Any, Any]) -> list[tuple[Any, Any]]:
        return list(_call(self._calls, which, _ACCESSIBLE, "GetChildren")[0])

    def _innermost(self, which: tuple[Any, Any], x: int, y: int) -> tuple[Any, Any] | None:
        found = None
        for _ in range(_DEEPEST):
            try:
                inner = _call(
                    self._calls,
                    which,
                    _COMPONENT,
                    "GetAccessibleAtPoint",
                    "iiu",
                    (x, y, _SCREEN_COORDINATES),
                )[0]
            except DBusErrorResponse:
                return found
            if inner[1] == _NOTHING or inner == which:
                return found
            found = which = inner
        return found


def _element(calls: DBusConnection, which: tuple[Any, Any]) -> Element:
    role = _call(calls, which, _ACCESSIBLE, "GetRoleName")[0]
    sender, path = which
    asked = Properties(DBusAddress(path, sender, _ACCESSIBLE)).get("Name")
    ((_, name),) = _answer(calls, asked)
    try:
        box = _box(calls, which)
    except DBusErrorResponse:
        box = None
    return Element(str(role), str(name), box, (str(sender), str(path)))


def _box(calls: DBusConnection, which: tuple[Any, Any]) -> Box | None:
    asked = _call(calls, which, _COMPONENT, "GetExtents", "u", (_SCREEN_COORDINATES,))
    left, top, width, height = asked[0]
    return Box(left, top, left + width, top + height) if width > 0 and height > 0 else None


def _call(
    calls: DBusConnection,
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
    return _answer(calls, asked)


def _answer(connection: DBusConnection, message: Any, seconds: float = _CALL_SECONDS) -> Any:
    reply = connection.send_and_get_reply(message, timeout=seconds)
    if reply.header.message_type == MessageType.error:
        raise DBusErrorResponse(reply)
    return reply.body
