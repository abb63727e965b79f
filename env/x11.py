"""Seeing and working one X11 display, whoever owns it.

Looks through one kept mss connection (1 ms a frame at 1280x720) and acts
through hands of its own (`env.hands`), a small process that is started at the
first action. The pointer is not in the pictures.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import mss
from mss.exception import ScreenShotError
from PIL import Image
from Xlib import X
from Xlib import error as xerror

from env.actions import Action
from env.desktop import Desktop, Steering, refuse_points_outside
from env.errors import DesktopLost, DesktopUnavailable
from env.hands_client import HandsClient
from env.screen import Box, Screenshot, ScreenSize
from env.x11_connection import authority_of_process, connect, refuse_when_nobody_answers
from env.x11_person import StopKeys
from env.x11_watchdog import SILENCE_SECONDS, Watchdog, descriptor_of

__all__ = ["X11Display", "connect"]

_KEPT_BLOCKS = 2
"""Of 16 MB each, which Pillow keeps for its next pictures, in the whole process."""

_LOST = (
    ScreenShotError,
    # mss states that a reply came by a bare assert.
    AssertionError,
    xerror.ConnectionClosedError,
    OSError,
)


class X11Display(Desktop):
    """A display that somebody else started; closing lets go of it and leaves it running."""

    def __init__(
        self,
        name: str,
        authority: Path | None = None,
        *,
        about: str = "a desktop",
        stop_keys: StopKeys | None = None,
    ) -> None:
        """
        Args:
            name: as in DISPLAY, e.g. ":1".
            authority: the file with the display's cookie; None: as the user's session has it.
            about: what is worked, for who asks what is running.
            stop_keys: how a person stops it.

        Raises:
            DesktopUnavailable: no such display, or it refused us.
        """
        self._name = name
        self._authority = authority
        self._about = about
        self._stop_keys = stop_keys or StopKeys()
        self._hands: HandsClient | None = None
        self._steering: Steering | None = None
        self._closed = False
        try:
            refuse_when_nobody_answers(name)
            # First, because python-xlib leaves its socket open when it is refused.
            with authority_of_process(authority):
                self._eyes = mss.MSS(display=name)
            try:
                self._x = connect(name, authority)
            except BaseException:
                self._eyes.close()
                raise
        except (xerror.DisplayError, xerror.ConnectionClosedError, ScreenShotError) as error:
            raise DesktopUnavailable(f"cannot connect to the display {name}: {error}") from error
        # Memory that comes new from the kernel for every picture costs more than the picture:
        # 12 ms of the processor's time instead of 2 at 1920x1080.
        Image.core.set_blocks_max(_KEPT_BLOCKS)
        self._watchdog = Watchdog((descriptor_of(self._eyes), self._x.display.socket.fileno()))
        # Told of a new size.
        self.root.change_attributes(event_mask=X.StructureNotifyMask)
        root = self.root.get_geometry()
        self._size = ScreenSize(root.width, root.height)

    @property
    def size(self) -> ScreenSize:
        # Whoever looks or acts next learns that the display is gone.
        with suppress(*_LOST):
            self._hear()
        return self._size

    @property
    def root(self) -> Any:
        """python-xlib's root window, for what is neither looking nor acting."""
        return self._x.screen().root

    @property
    def connection(self) -> Any:
        """python-xlib's `Display`, for the same."""
        return self._x

    def screenshot(self) -> Screenshot:
        return self.screenshot_of(Box(0, 0, *self.size))

    def screenshot_of(self, box: Box) -> Screenshot:
        width, height = box.right - box.left, box.bottom - box.top
        with self.talking():
            frame = self._eyes.grab(
                {"left": box.left, "top": box.top, "width": width, "height": height}
            )
            # Not `frame.bgra`, which is a copy.
            image = Image.frombytes("RGB", frame.size, frame.raw, "raw", "BGRX")
            return Screenshot(image, time.time())

    def refuse_outside(self, action: Action) -> None:
        """Raise `ActionRefused` if the action touches a pixel the screen has not now."""
        refuse_points_outside(action, self.size)

    def perform(self, action: Action) -> None:
        self.refuse_outside(action)
        with self._acting():
            self._working_hands().perform(action)

    def heed(self, steering: Steering) -> None:
        with self._acting():
            if self._steering is not None:
                self._steering.unsubscribe(self._steered)
            self._steering = steering
            steering.subscribe(self._steered)
            self._working_hands().start(heeds_person=True, about=self._about)
            self._steered()

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if self._steering is not None:
            self._steering.unsubscribe(self._steered)
        if self._hands is not None:
            self._hands.close()
        for connection in (self._x, self._eyes):
            with suppress(*_LOST), self._watchdog.watching():
                connection.close()
        self._watchdog.close()

    def sync(self) -> None:
        """Return when the server has done everything asked of it."""
        with self.talking():
            self._x.sync()

    def _hear(self) -> None:
        """Read what the server has told meanwhile."""
        for _ in range(0 if self._closed else self._x.pending_events()):
            event = self._x.next_event()
            if event.type == X.ConfigureNotify and event.window == self.root:
                self._size = ScreenSize(event.width, event.height)

    def _working_hands(self) -> HandsClient:
        if self._hands is None:
            # Hands cannot tell a display that is slow to let them in from one that is silent.
            self.sync()
            try:
                hands = HandsClient(
                    self._name, self._authority, self._stop_keys, self._held_by_a_person
                )
            except DesktopUnavailable as error:
                # It was there when we opened it.
                raise DesktopLost(str(error)) from error
            try:
                hands.start(heeds_person=False, about=self._about)
            except BaseException:
                hands.close()
                raise
            self._hands = hands
        return self._hands

    def _held_by_a_person(self, kind: str, reason: str) -> None:
        """The hands' word, in a thread of theirs."""
        match self._steering, kind:
            case None, _:
                pass
            case steering, "stop":
                steering.stop(reason)
            case steering, _:
                steering.pause(reason, takeover=True)

    def _steered(self) -> None:
        """The steering's word, in any thread."""
        hands, steering = self._hands, self._steering
        if hands is None or steering is None:
            return
        if steering.stopped is not None:
            hands.stop(steering.stopped)
        elif steering.paused is not None:
            hands.pause(steering.paused)
        else:
            hands.resume()

    @contextmanager
    def talking(self) -> Iterator[None]:
        """What is asked of the display within may find it gone, or silent: `DesktopLost`."""
        with self._acting(), self._watchdog.watching():
            yield

    @contextmanager
    def _acting(self) -> Iterator[None]:
        """The hands keep a watch of their own: an action may take long."""
        if self._closed:
            raise DesktopLost(f"the display {self._name} was closed here")
        try:
            yield
        except _LOST as error:
            what = f"went away: {error!r}"
            if self._watchdog.bit:
                what = f"did not answer for {SILENCE_SECONDS:g} s"
            raise DesktopLost(f"the display {self._name} {what}") from error
