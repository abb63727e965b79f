"""A scripted person at an Xvfb: input that comes from its mouse and keyboard, not from XTEST.

XTEST can name the device an event is to come from (XTEST's device events, which
python-xlib lacks). For proofs and tests: what Moonhand makes of a person must be tried with one.
"""

from typing import Any

from Xlib.ext import xinput
from Xlib.protocol import rq

from env.keys import keysym

_KEY_PRESS, _KEY_RELEASE, _BUTTON_PRESS, _BUTTON_RELEASE, _MOTION = 1, 2, 3, 4, 5
"""After the first event number of XInput (its protocol, version 1)."""
_MORE = 0x80


class _DeviceInput(rq.Request):
    """XTestFakeInput with one event of XInput's, a deviceKeyButtonPointer."""

    _request = rq.Struct(
        rq.Card8("opcode"),
        rq.Opcode(2),
        rq.RequestLength(),
        rq.Card8("kind"),
        rq.Card8("detail"),
        rq.Pad(2),
        rq.Card32("time"),
        rq.Pad(23),
        rq.Card8("device"),
    )


class _DeviceMotion(rq.Request):
    """The same with a deviceValuator of two axes behind it."""

    _request = rq.Struct(
        rq.Card8("opcode"),
        rq.Opcode(2),
        rq.RequestLength(),
        rq.Card8("kind"),
        rq.Card8("detail"),
        rq.Pad(2),
        rq.Card32("time"),
        rq.Pad(23),
        rq.Card8("device"),
        rq.Card8("valuator_kind"),
        rq.Card8("valuator_device"),
        rq.Pad(2),
        rq.Pad(2),
        rq.Card8("count"),
        rq.Card8("first"),
        rq.Int32("x"),
        rq.Int32("y"),
        rq.Pad(16),
    )


class XvfbPerson:
    """Borrows the connection; sends at once."""

    def __init__(self, connection: Any) -> None:
        """
        Raises:
            ValueError: the display has no device of its own.
        """
        self._x = connection
        self._x.xinput_query_version()
        devices = {
            _text(device.name): device.deviceid
            for device in self._x.xinput_query_device(xinput.AllDevices).devices
        }
        try:
            self._mouse, self._keyboard = devices["Xvfb mouse"], devices["Xvfb keyboard"]
        except KeyError as error:
            raise ValueError(f"no Xvfb: its devices are {', '.join(devices)}") from error
        self._first_event = self._x.query_extension("XInputExtension").first_event
        self._opcode = self._x.query_extension("XTEST").major_opcode

    def tap(self, name: str) -> None:
        self.press(name)
        self.release(name)

    def press(self, name: str) -> None:
        self._send(_KEY_PRESS, self._x.keysym_to_keycode(keysym(name)), self._keyboard)

    def release(self, name: str) -> None:
        self._send(_KEY_RELEASE, self._x.keysym_to_keycode(keysym(name)), self._keyboard)

    def click(self, button: int = 1) -> None:
        self._send(_BUTTON_PRESS, button, self._mouse)
        self._send(_BUTTON_RELEASE, button, self._mouse)

    def move(self, x: int, y: int) -> None:
        """To a pixel of the screen: its mouse tells places, not ways."""
        _DeviceMotion(
            display=self._x.display,
            opcode=self._opcode,
            kind=self._first_event + _MOTION,
            detail=0,
            time=0,
            device=self._mouse | _MORE,
            valuator_kind=self._first_event,
            valuator_device=self._mouse,
            count=2,
            first=0,
            x=x,
            y=y,
        )
        self._x.flush()

    def _send(self, kind: int, detail: int, device: int) -> None:
        _DeviceInput(
            display=self._x.display,
            opcode=self._opcode,
            kind=self._first_event + kind,
            detail=detail,
            time=0,
            device=device,
        )
        self._x.flush()


def _text(name: str | bytes) -> str:
    return name.decode("latin-1") if isinstance(name, bytes) else name
