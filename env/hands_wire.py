"""What is said between an agent and its hands: length-prefixed JSON, read strictly.

Made of the standard library alone, so that the hands start in no time. A
message that is not exactly one of those known is an error, never a guess.
"""

import json
import socket
import struct
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from env.actions import Action, Click, Drag, Keys, Move, Point, Scroll, TypeText, Wait

_LENGTH = struct.Struct("<I")
MAX_MESSAGE_BYTES = 64 * 1024
"""The longest action is 2,000 characters to type, at most 12 bytes each as JSON."""

Message = dict[str, Any]


class BadMessage(Exception):
    """What came is none of the messages there are."""


def send(to: socket.socket, message: Mapping[str, Any]) -> None:
    """Raises: OSError, nobody is there to take it."""
    data = json.dumps(message).encode()
    to.sendall(_LENGTH.pack(len(data)) + data)


class Reader:
    """Cuts what comes through a socket into messages."""

    def __init__(self, source: socket.socket) -> None:
        self._source = source
        self._data = b""
        self.ended = False
        """The other side is gone; what it said before may still be read."""

    def take(self) -> Message | None:
        """The next whole message that is here; None: none yet.

        Raises:
            BadMessage: too long, or no JSON object.
        """
        if len(self._data) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack_from(self._data)
        if length > MAX_MESSAGE_BYTES:
            raise BadMessage(f"a message of {length} bytes; expected at most {MAX_MESSAGE_BYTES}")
        end = _LENGTH.size + length
        if len(self._data) < end:
            return None
        data, self._data = self._data[_LENGTH.size : end], self._data[end:]
        try:
            message = json.loads(data)
        except ValueError as error:
            raise BadMessage(f"no JSON: {error}") from error
        if not isinstance(message, dict):
            raise BadMessage(f"a {type(message).__name__}; expected an object")
        return message

    def fill(self) -> None:
        """Read what is there; waits if nothing is."""
        try:
            data = self._source.recv(MAX_MESSAGE_BYTES)
        except ConnectionError:
            data = b""
        if not data:
            self.ended = True
        self._data += data


def encode(action: Action) -> Message:
    """
    >>> encode(Move(Point(3, 4)))
    {'kind': 'Move', 'to': [3, 4]}
    """
    fields = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in asdict(action).items()
    }
    return {"kind": type(action).__name__, **fields}


def decode(message: Message) -> Action:
    """The action, if the message is exactly one.

    Raises:
        BadMessage: an unknown kind, a missing, unknown or ill-typed field, or a value that the
            action itself refuses.
    """
    rest = dict(message)
    kind = rest.pop("kind", None)
    try:
        action = _action(kind, rest)
    except (KeyError, TypeError, ValueError) as error:
        raise BadMessage(f"{kind}: {error!r}") from error
    if rest:
        raise BadMessage(f"{kind} with {', '.join(sorted(rest))}, which it has not")
    return action


def _action(kind: object, rest: Message) -> Action:
    match kind:
        case "Click":
            return Click(
                at=_point(rest.pop("at")),
                button=_button(rest.pop("button")),
                count=_whole(rest.pop("count")),
                modifiers=_texts(rest.pop("modifiers")),
                hold_seconds=_seconds(rest.pop("hold_seconds")),
            )
        case "Move":
            return Move(_point(rest.pop("to")))
        case "Drag":
            return Drag(
                start=_point(rest.pop("start")),
                end=_point(rest.pop("end")),
                button=_button(rest.pop("button")),
                modifiers=_texts(rest.pop("modifiers")),
            )
        case "Scroll":
            sideways = rest.pop("sideways")
            if not isinstance(sideways, bool):
                raise TypeError(f"sideways {sideways!r}")
            return Scroll(
                at=_point(rest.pop("at")),
                notches=_whole(rest.pop("notches")),
                sideways=sideways,
                modifiers=_texts(rest.pop("modifiers")),
            )
        case "TypeText":
            return TypeText(_text(rest.pop("text")))
        case "Keys":
            return Keys(_texts(rest.pop("keys")), _whole(rest.pop("presses")))
        case "Wait":
            return Wait(_seconds(rest.pop("seconds")))
        case _:
            raise ValueError("no such action")


def _whole(value: object) -> int:
    if type(value) is not int:
        raise TypeError(f"{value!r}; expected a whole number")
    return value


def _seconds(value: object) -> float:
    if type(value) not in (int, float):
        raise TypeError(f"{value!r}; expected a number")
    return float(value)  # type: ignore[arg-type]


def _text(value: object) -> str:
    if type(value) is not str:
        raise TypeError(f"{value!r}; expected text")
    return value


def _texts(value: object) -> tuple[str, ...]:
    if type(value) is not list:
        raise TypeError(f"{value!r}; expected a list")
    return tuple(_text(item) for item in value)


def _point(value: object) -> Point:
    if type(value) is not list or len(value) != 2:
        raise TypeError(f"{value!r}; expected a point")
    return Point(_whole(value[0]), _whole(value[1]))


def _button(value: object) -> Any:
    if value not in ("left", "middle", "right"):
        raise ValueError(f"no button {value!r}")
    return value
