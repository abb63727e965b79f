"""The agent's side of the hands: start them, tell them what to do, hear when they stop.

Their process outlives no agent and no agent trusts it blindly: if it dies or
no longer answers, everything is let go of from here, through another connection.
"""

import os
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from Xlib import X
from Xlib import error as xerror
from Xlib.ext import xtest

from env.actions import Action
from env.errors import ActionCut, ActionRefused, DesktopLost, DesktopUnavailable
from env.hands_wire import BadMessage, Message, Reader, encode, send
from env.x11_connection import connect
from env.x11_person import StopKeys

RENEW_SECONDS = 0.1
START_SECONDS = 7.0
"""Ceiling; 0.15 s is usual, some seconds at a load of ten a core. A display that hangs must not
keep an episode for longer than 10 s."""
SILENCE_SECONDS = 5.0
"""Hands that have not answered for so long are killed: they, or the display, hang."""
CLOSE_SECONDS = 3.0
"""For hands that are told to end: what they hold they let go of within milliseconds."""
SWEEP_SECONDS = 2.0
"""Ceiling for letting go from here; a display that hangs lets go of nothing."""

_ROOT = Path(__file__).parents[1]
_PASSED = ("HOME", "XAUTHORITY", "PATH", "LANG", "LD_LIBRARY_PATH")
"""What of our environment the hands are given; no keys of services, no tokens."""

_BROKEN_OFF = "the wait for it was broken off"

HeldBy = Callable[[str, str], None]
"""Told ("stop" or "pause", why) when a person or a stop from outside holds the hands."""


class HandsClient:
    """Actions from one thread; `stop`, `pause` and `resume` from any."""

    def __init__(
        self, name: str, authority: Path | None, stop_keys: StopKeys, held: HeldBy
    ) -> None:
        """
        Args:
            held: called from a thread of its own.

        Raises:
            DesktopUnavailable: they did not start.
        """
        self._name, self._authority = name, authority
        self._held = held
        self._closed = False
        self._lapsed = False
        self._swept = threading.Lock()
        self._sending = threading.Lock()
        self._spare: frozenset[int] = frozenset()
        self._number = 0
        self._started = (False, "")
        self._orders, orders = socket.socketpair()
        self._news, news = socket.socketpair()
        self._reader = Reader(self._orders)
        try:
            with orders, news:
                self._process = self._spawn(orders.fileno(), news.fileno(), stop_keys)
        except BaseException:
            self._orders.close()
            self._news.close()
            raise
        try:
            self._spare = self._greeted()
        except BaseException:
            # They hold nothing yet.
            self._process.kill()
            self._hang_up()
            raise
        self._listener = threading.Thread(target=self._listen, name="hands", daemon=True)
        self._listener.start()

    @property
    def process_id(self) -> int:
        return self._process.pid

    def start(self, *, heeds_person: bool, about: str) -> None:
        """Begin, also after a stop: nothing is held back any more.

        Args:
            heeds_person: a person's hands pause it; a stop they ask for always holds.
            about: what is done, for who asks what is running.

        Raises:
            DesktopLost: the hands are gone.
        """
        self._lapsed = False
        self._started = (heeds_person, about)
        self._number += 1
        self._say({"start": self._number, "heeds_person": heeds_person, "about": about[:200]})
        self._until_done()

    def perform(self, action: Action) -> None:
        """
        Raises:
            ActionRefused, ActionCut: as `env.desktop.Desktop.perform`.
            DesktopLost: the hands are gone, or do not answer.
        """
        if self._lapsed:
            self._start_again()
        self._say({"act": encode(action)})
        try:
            self._until_done()
        except (ActionRefused, ActionCut, DesktopLost):
            raise
        except BaseException:
            self._cut_off()
            raise

    def stop(self, reason: str) -> None:
        """Cut off what is under way and do nothing more until `start`."""
        self._tell({"stop": reason})

    def pause(self, reason: str) -> None:
        """Cut off what is under way and do nothing more until `resume`."""
        self._tell({"pause": reason})

    def resume(self) -> None:
        self._tell({"resume": True})

    def close(self) -> None:
        """Safe to call twice. Returns when everything is let go of."""
        if self._closed:
            return
        self._closed = True
        self._hang_up()
        self._listener.join(SILENCE_SECONDS)

    def _hang_up(self) -> None:
        """They let go of everything then, and end."""
        for connection in (self._orders, self._news):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        try:
            self._process.wait(timeout=CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self._end()
        self._orders.close()
        self._news.close()

    def _spawn(self, orders: int, news: int, keys: StopKeys) -> subprocess.Popen[bytes]:
        environment = {name: os.environ[name] for name in _PASSED if name in os.environ}
        if self._authority is not None:
            environment["XAUTHORITY"] = str(self._authority)
        numbers = (str(orders), str(news))
        corner = "corner" if keys.corner else "no corner"
        how = (keys.key, str(keys.presses), str(keys.within_seconds), corner)
        return subprocess.Popen(
            (sys.executable, "-m", "env.hands", self._name, *numbers, *how),
            cwd=_ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            # The screen in the terminal is drawn there.
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=(orders, news),
        )

    def _greeted(self) -> frozenset[int]:
        until = time.monotonic() + START_SECONDS
        message = self._next(until)
        match message:
            case {"hello": list(spare)}:
                return frozenset(code for code in spare if isinstance(code, int))
            case {"unavailable": str(why)}:
                raise DesktopUnavailable(f"no hands on the display {self._name}: {why}")
            case None:
                raise DesktopUnavailable(
                    f"the hands did not start within {START_SECONDS} s:"
                    f" status {self._process.poll()}"
                )
            case _:
                raise BadMessage(f"{message} from hands that begin")

    def _say(self, message: Message) -> None:
        if self._closed:
            raise DesktopLost("the hands were let go of")
        try:
            send(self._orders, message)
        except OSError as error:
            raise self._lost(repr(error)) from error

    def _until_done(self) -> None:
        """Renew the lease until the action has its end: who waits here is alive."""
        heard_at = time.monotonic()
        while True:
            message = self._next(time.monotonic() + RENEW_SECONDS)
            match message:
                case {"done": True}:
                    return
                case {"busy": True}:
                    heard_at = time.monotonic()
                case {"refused": str(why)}:
                    raise ActionRefused(why)
                case {"cut": str(kind), "reason": str(why), "ours": bool(by_others)}:
                    self._lapsed = kind == "lapse"
                    if by_others:
                        # Before the caller learns of it, so that nobody acts in between.
                        self._held(kind, why)
                    raise ActionCut(why)
                case {"lost": str(why)}:
                    raise self._lost(why)
                case None if self._reader.ended:
                    raise self._lost("they ended")
                case None:
                    if time.monotonic() - heard_at > SILENCE_SECONDS:
                        raise self._lost(f"they did not answer for {SILENCE_SECONDS} s")
                    self._say({"renew": True})
                case _:
                    raise self._lost(f"they said {message}")

    def _next(self, until: float) -> Message | None:
        """None: nothing came in time, or nothing will."""
        while (message := self._reader.take()) is None and not self._reader.ended:
            ready, _, _ = select.select([self._orders], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                return None
            self._reader.fill()
        return message

    def _cut_off(self) -> None:
        """Somebody broke off the wait for an action: it is over when this returns."""
        self.stop(_BROKEN_OFF)
        with suppress(ActionCut, ActionRefused, DesktopLost):
            self._until_done()
        with suppress(DesktopLost):
            self._start_again()

    def _start_again(self) -> None:
        heeds_person, about = self._started
        self.start(heeds_person=heeds_person, about=about)

    def _tell(self, message: Message) -> None:
        # Hands that are gone do nothing, which is what is asked for; who waits for an
        # action learns of it there.
        with self._sending, suppress(OSError):
            send(self._news, message)

    def _listen(self) -> None:
        reader = Reader(self._news)
        while not reader.ended:
            reader.fill()
            while (message := reader.take()) is not None:
                match message:
                    case {"start": int(number)} if number != self._number:
                        # Of before the last beginning.
                        pass
                    case {"stop": str(why)}:
                        self._held("stop", why)
                    case {"pause": str(why)}:
                        self._held("pause", why)
                    case _:
                        reader.ended = True
        if not self._closed:
            # Whoever acts next learns that they are gone; what they held cannot wait for that.
            self._end()

    def _lost(self, why: str) -> DesktopLost:
        self._end()
        return DesktopLost(f"the hands on {self._name} are gone: {why}")

    def _end(self) -> None:
        """Kill them if they live, and let go of everything from here."""
        self._process.kill()
        self._process.wait()
        sweeper = threading.Thread(target=self._sweep, name="sweep", daemon=True)
        sweeper.start()
        sweeper.join(SWEEP_SECONDS)

    def _sweep(self) -> None:
        with self._swept, suppress(xerror.DisplayError, xerror.ConnectionClosedError, OSError):
            connection = connect(self._name, self._authority)
            release_everything(connection, self._spare)
            connection.close()


def release_everything(connection: Any, spare: frozenset[int] = frozenset()) -> None:
    """Let go of every key and button that XTEST holds; a person's own stay as they are,
    since a device is not released by another.

    Args:
        spare: keycodes that shall make nothing.
    """
    held = connection.query_keymap()
    for code in range(connection.display.info.min_keycode, 8 * len(held)):
        if held[code // 8] >> code % 8 & 1:
            xtest.fake_input(connection, X.KeyRelease, code)
    mask = connection.screen().root.query_pointer().mask
    for button in range(1, 6):
        if mask & X.Button1Mask << (button - 1):
            xtest.fake_input(connection, X.ButtonRelease, button)
    for code in spare:
        connection.change_keyboard_mapping(code, [(X.NoSymbol, X.NoSymbol)])
    connection.sync()
