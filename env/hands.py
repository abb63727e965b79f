"""The one process that injects input: `python -m env.hands`, started by `env.hands_client`.

It holds the XTEST connection and nothing else: no model, no screen, no network.
It acts only while its agent keeps saying that it is alive, and between any two
events it looks whether it is to stop: at the agent's word, at a person's hands
(`env.x11_person`), at its own door (`env.stop_socket`), and at the end of the
agent's process. Whatever ends an action, everything held is let go of first.
"""

import os
import select
import signal
import socket
import sys
import time
from contextlib import suppress
from typing import Any, NamedTuple

from Xlib import error as xerror

from env.errors import ActionCut, ActionRefused
from env.hands_wire import BadMessage, Message, Reader, decode, send
from env.pace import Pace
from env.stop_socket import StopFolderUnsafe, StopSocket, runtime_folder
from env.x11_connection import connect
from env.x11_input import X11Input
from env.x11_person import StopKeys, X11Person

LEASE_SECONDS = 0.5
"""Without a word of the agent for this long, an action is cut off."""

_NOTHING_COMES = -1.0


class AgentGone(Exception):
    """The agent's process ended, or we were told to."""


class Held(NamedTuple):
    """Why nothing is done for now."""

    kind: str
    """"stop", "pause" or "lapse"."""
    reason: str
    ours: bool = False
    """It was not the agent that asked for it, but a person at mouse, keyboard or door."""

    @property
    def weight(self) -> int:
        """A stop outweighs everything; a person's touch the agent's own pause."""
        return 2 if self.kind == "stop" else int(self.ours)


class Cut(Exception):
    """The action under way is to end now."""

    def __init__(self, held: Held) -> None:
        super().__init__(held.reason)
        self.held = held


class Hands:
    def __init__(
        self, connection: Any, person: X11Person, orders: socket.socket, news: socket.socket
    ) -> None:
        """
        Args:
            orders: actions come in and their ends go out.
            news: what may not wait for an action's end, both ways.
        """
        self._person = person
        self._orders, self._news = orders, news
        self._order_reader, self._news_reader = Reader(orders), Reader(news)
        self._door: StopSocket | None = None
        self._held: Held | None = None
        self._started = 0
        self._heeds_person = False
        self._acting = False
        self._renewed_at = 0.0
        self._input = X11Input(connection, Pace(self._wait))

    def serve(self) -> None:
        """Until the agent is gone."""
        send(self._orders, {"hello": sorted(self._input.keyboard.spare)})
        while True:
            message = self._next_order()
            match message:
                case {"act": dict(action)} if len(message) == 1:
                    send(self._orders, self._act(action))
                case {
                    "start": int(number),
                    "heeds_person": bool(heeds_person),
                    "about": str(about),
                } if len(message) == 3:
                    self._start(number, heeds_person, about)
                    send(self._orders, {"done": True})
                case {"renew": True} if len(message) == 1:
                    # Its action ended while this was on its way.
                    pass
                case _:
                    raise BadMessage(f"an order of {', '.join(map(str, message))}")

    def close(self) -> None:
        """Everything let go of, the key map as it was."""
        # A display that died holds nothing.
        with suppress(xerror.ConnectionClosedError, OSError):
            self._input.release_all()
            self._input.give_back()
        if self._door is not None:
            self._door.close()

    def _start(self, number: int, heeds_person: bool, about: str) -> None:
        self._started = number
        self._held = None
        self._heeds_person = heeds_person
        if self._door is None:
            # Without a door there are still the keys and the agent's own word.
            with suppress(StopFolderUnsafe, OSError):
                self._door = StopSocket(runtime_folder(), os.getppid(), about)

    def _act(self, action: Message) -> Message:
        self._renewed_at = time.monotonic()
        self._acting = True
        try:
            self._raise_if_held()
            self._input.perform(decode(action))
        except ActionRefused as error:
            return {"refused": str(error)}
        except ActionCut as error:
            return {"cut": "map", "reason": str(error), "ours": False}
        except Cut as cut:
            return {"cut": cut.held.kind, "reason": cut.held.reason, "ours": cut.held.ours}
        finally:
            self._acting = False
            self._input.release_all()
        return {"done": True}

    def _next_order(self) -> Message:
        while (message := self._order_reader.take()) is None:
            if self._order_reader.ended:
                raise AgentGone
            self._look(_NOTHING_COMES)
        return message

    def _wait(self, seconds: float) -> None:
        """Let time pass in an action, with an eye on everything that may end it."""
        until = time.monotonic() + seconds
        while True:
            left = until - time.monotonic()
            lease = self._renewed_at + LEASE_SECONDS - time.monotonic()
            self._look(max(0.0, min(left, lease)))
            while (message := self._order_reader.take()) is not None:
                if message != {"renew": True}:
                    raise BadMessage("an order came before the one before it was done")
                self._renewed_at = time.monotonic()
                send(self._orders, {"busy": True})
            if self._order_reader.ended:
                raise AgentGone
            if time.monotonic() > self._renewed_at + LEASE_SECONDS:
                self._hold(Held("lapse", f"no word of the agent for {LEASE_SECONDS} s"))
            self._raise_if_held()
            if time.monotonic() >= until:
                return

    def _raise_if_held(self) -> None:
        if self._held is not None:
            raise Cut(self._held)

    def _look(self, seconds: float) -> None:
        """Read what there is; waits at most so long for something to come."""
        doors = [] if self._door is None else [self._door]
        sources: list[Any] = [self._news, self._person, *doors]
        most = None if seconds < 0 else seconds
        ready, _, _ = select.select(
            [*sources, self._orders], [], [], 0 if self._person.was_heard else most
        )
        if self._orders in ready:
            self._order_reader.fill()
            # What was said before the order came is heard before it is done.
            ready, _, _ = select.select(sources, [], [], 0)
        if self._news in ready:
            self._hear_agent()
        if self._person.was_heard:
            self._heed_person()
        if doors and doors[0] in ready and (reason := doors[0].asked()) is not None:
            self._tell_held(Held("stop", reason, ours=True))

    def _hear_agent(self) -> None:
        self._news_reader.fill()
        while (message := self._news_reader.take()) is not None:
            match message:
                case {"stop": str(reason)} if len(message) == 1:
                    self._hold(Held("stop", reason))
                case {"pause": str(reason)} if len(message) == 1:
                    self._hold(Held("pause", reason))
                case {"resume": True} if len(message) == 1:
                    if self._held is not None and self._held.kind == "pause":
                        self._held = None
                case _:
                    raise BadMessage(f"news of {', '.join(map(str, message))}")
        if self._news_reader.ended:
            raise AgentGone

    def _heed_person(self) -> None:
        for wish in self._person.wishes():
            if wish.kind == "stop" or self._heeds_person:
                self._tell_held(Held(wish.kind, wish.reason, ours=True))

    def _tell_held(self, held: Held) -> None:
        if self._hold(held):
            # With the number, so that nobody takes it for news of a later beginning.
            send(self._news, {held.kind: held.reason, "start": self._started})

    def _hold(self, held: Held) -> bool:
        """Whether that is new: of reasons of one weight the first stays."""
        if self._held is not None and held.weight <= self._held.weight:
            return False
        self._held = held
        return True


def main(words: list[str]) -> int:
    """Arguments: display, the two sockets' numbers, and how a person stops it."""
    name, orders, news, key, presses, within_seconds, corner = words
    # The terminal's Ctrl-C is for the agent, which stops us in good order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _ended)
    stop_keys = StopKeys(key, int(presses), float(within_seconds), corner == "corner")
    to_agent = socket.socket(fileno=int(orders))
    try:
        connection = connect(name, None)
        person = X11Person(connect(name, None), stop_keys)
        hands = Hands(connection, person, to_agent, socket.socket(fileno=int(news)))
    except (xerror.DisplayError, xerror.ConnectionClosedError, OSError) as error:
        send(to_agent, {"unavailable": str(error)})
        return 1
    try:
        hands.serve()
    except AgentGone:
        pass
    except (xerror.ConnectionClosedError, OSError, BadMessage) as error:
        # Of the display, or of an agent that goes in this moment.
        with suppress(OSError):
            send(to_agent, {"lost": repr(error)})
    finally:
        hands.close()
    return 0


def _ended(number: int, frame: object) -> None:
    raise AgentGone


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
