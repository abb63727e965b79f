"""Whether the application that has the keyboard has caught up with what was sent to it.

A key is read by the key map of the moment in which an application looks at it,
so a map may be changed only when all keys before have been looked at. Window
managers ask "are you alive" with a message that every toolkit answers in turn
with its other events (_NET_WM_PING, EWMH); so do we. Who knows no such
message (xterm) is given a fixed time.
"""

import time
from typing import Any

from Xlib import X, Xatom
from Xlib import error as xerror
from Xlib.protocol import event as xevent

from env.pace import Pace

SETTLE_SECONDS = 0.2
"""For who does not answer. Chromium typed by the old map after 0.02 s on a busy machine, and after
0.1 s at a load of 20 on two cores."""

ANSWER_SECONDS = 3.0
"""Ceiling; 1 ms is usual."""

AFTER_CHANGE_SECONDS = 0.01
"""An application may ask for the changed map and go on before it has it."""

LOOK_SECONDS = 0.001
_MAX_DEPTH = 16


class Attention:
    def __init__(self, connection: Any, pace: Pace) -> None:
        self._x = connection
        self._pace = pace
        self._root = connection.screen().root
        self._protocols = connection.intern_atom("WM_PROTOCOLS")
        self._ping = connection.intern_atom("_NET_WM_PING")
        # Answers are sent to the root window, to whoever selects this.
        self._root.change_attributes(event_mask=X.SubstructureNotifyMask)
        self._stamp = int(time.monotonic() * 1000) & 0x3FFFFFFF
        self._answered = 0
        self.map_changed = False
        """Since it was last set to false, the server said that the key map is another."""

    def drain(self) -> None:
        """Read what the server has told meanwhile."""
        for _ in range(self._x.pending_events()):
            event = self._x.next_event()
            if event.type == X.MappingNotify:
                self.map_changed = True
            elif event.type == X.ClientMessage and event.client_type == self._protocols:
                format_, data = event.data
                if format_ == 32 and data[0] == self._ping:
                    self._answered = data[1]

    def settle(self, *, changed: bool = False) -> None:
        """Return when the application has looked at everything sent so far."""
        self._x.sync()
        window = self._listening_window()
        if window is None:
            self._pace.wait(SETTLE_SECONDS)
            self.drain()
            return
        self._stamp += 1
        window.send_event(
            xevent.ClientMessage(
                window=window,
                client_type=self._protocols,
                data=(32, [self._ping, self._stamp, window.id, 0, 0]),
            )
        )
        self._x.flush()
        until = time.monotonic() + ANSWER_SECONDS
        self.drain()
        while self._answered != self._stamp and time.monotonic() < until:
            self._pace.wait(LOOK_SECONDS)
            self.drain()
        if changed:
            self._pace.wait(AFTER_CHANGE_SECONDS)

    def _listening_window(self) -> Any:
        """The window with the keyboard, or what it is a part of, if it answers."""
        window = self._x.get_input_focus().focus
        if not hasattr(window, "id") or window.id == self._root.id:
            return None
        try:
            for _ in range(_MAX_DEPTH):
                told = window.get_full_property(self._protocols, Xatom.ATOM)
                if told is not None and self._ping in told.value:
                    return window
                window = window.query_tree().parent
                if not hasattr(window, "id") or window.id == self._root.id:
                    return None
        except (xerror.BadWindow, xerror.BadDrawable):
            # It went while we looked.
            pass
        return None
