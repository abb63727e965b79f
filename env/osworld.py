"""A machine of OSWorld's as a desktop: seen and worked through the server that runs in it.

An action is sent as the pyautogui code that the protocol wants, every text in it quoted by
`repr`. The pointer is in the pictures.
"""

import time
from contextlib import suppress

from env.actions import Action, Click, TypeText, Wait
from env.desktop import Desktop, refuse_points_outside
from env.errors import ActionRefused, DesktopLost, DesktopUnavailable
from env.osworld_client import OSWorldAddress, OSWorldClient
from env.pyautogui_code import LEAN, pyautogui_code
from env.screen import Screenshot, ScreenSize

_PREFIX = f"{LEAN}; import pyautogui; import time; pyautogui.FAILSAFE = False; "
"""As OSWorld's own controller sends it, but for what is left out."""

ACTION_SECONDS = 30.0
"""A Python with pyautogui starts within 1 s on an idle machine, within 5 s on a busy one."""
CHARACTER_SECONDS = 0.02
"""To type one; pyautogui strikes some 200 keys in a second."""

_RELEASE = _PREFIX + "; ".join(
    (
        *(f"pyautogui.mouseUp(button={name!r})" for name in ("left", "middle", "right")),
        *(f"pyautogui.keyUp({name!r})" for name in ("ctrl", "shift", "alt", "win")),
    )
)


class OSWorldDesktop(Desktop):
    """Borrows the machine: closing lets go of it and leaves it running."""

    def __init__(self, address: str, *, token: str | None = None) -> None:
        """
        Args:
            address: `osworld://HOST:5000:9222:8006:8080`; ports may be left out.
            token: for a server of ours (`main.py serve-desktop`).

        Raises:
            DesktopUnavailable: nobody answers there, or not in this protocol.
            ValueError: no such address can be.
        """
        self.client = OSWorldClient(OSWorldAddress.parse(address), token=token)
        """For files, commands and what applications show."""
        self._closed = False
        self._cut_off = False
        """An action was sent and never answered: something may be held down."""
        try:
            self._size = self.client.screen_size()
        except DesktopLost as error:
            self.client.close()
            raise DesktopUnavailable(
                f"no OSWorld machine at {address} ({error}); its server takes up to a minute"
            ) from error
        except BaseException:
            self.client.close()
            raise

    @property
    def size(self) -> ScreenSize:
        return self._size

    @property
    def reaction_seconds(self) -> float:
        """Longer than on a display of our own: virtual machines draw slowly."""
        return 0.3

    def screenshot(self) -> Screenshot:
        self._refuse_when_closed()
        image = self.client.screenshot()
        if image.size != self._size:
            # Points are counted on the screen that was there at the start.
            raise DesktopLost(f"the screen is now {image.size}; it was {tuple(self._size)}")
        return Screenshot(image, time.time())

    def perform(self, action: Action) -> None:
        self._refuse_when_closed()
        refuse_points_outside(action, self._size)
        if isinstance(action, Wait):
            time.sleep(action.seconds)
            return
        code = _PREFIX + pyautogui_code(action)
        self._cut_off = True
        done = self.client.execute(("python", "-c", code), timeout_seconds=longest_seconds(action))
        self._cut_off = False
        if done.returncode != 0:
            said = done.stderr.decode("utf-8", "replace").strip() or "no reason given"
            raise ActionRefused(f"the machine could not do it: {said.splitlines()[-1][:300]}")

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if self._cut_off:
            # Nobody there, nobody to let go.
            with suppress(DesktopLost, DesktopUnavailable):
                self.client.execute(("python", "-c", _RELEASE), timeout_seconds=5.0)
        self.client.close()

    def _refuse_when_closed(self) -> None:
        if self._closed:
            raise DesktopLost("the connection to the OSWorld machine was closed here")


def longest_seconds(action: Action) -> float:
    """Seconds after which the machine is given up; what it was told may be half done then."""
    match action:
        case Click(hold_seconds=hold):
            return ACTION_SECONDS + hold
        case TypeText(text=text):
            return ACTION_SECONDS + len(text) * CHARACTER_SECONDS
        case _:
            return ACTION_SECONDS
