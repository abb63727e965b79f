"""A display with a person at it, and a witness of every event that was injected."""

import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from Xlib.ext import ge, xinput

from benchmarks.stop_proof.agent import SIZE
from env.virtual import VirtualDesktop
from env.x11_connection import connect
from env.xvfb_person import XvfbPerson

_RAW = struct.Struct("<HIIH")
_ALL = (
    xinput.RawKeyPressMask
    | xinput.RawKeyReleaseMask
    | xinput.RawButtonPressMask
    | xinput.RawButtonReleaseMask
    | xinput.RawMotionMask
)
_OURS = "Virtual core XTEST"


class Witnessed(NamedTuple):
    at: int
    """The server's clock, in milliseconds."""
    injected: bool
    """Through XTEST; otherwise a person's."""
    kind: int


class Stage:
    """Borrows the desktop."""

    def __init__(self, desktop: VirtualDesktop) -> None:
        self.name = desktop.environment["DISPLAY"]
        self.cookie = Path(desktop.environment["XAUTHORITY"])
        self._x = connect(self.name, self.cookie)
        self._ears = connect(self.name, self.cookie)
        self.person = XvfbPerson(self._x)
        self._ears.xinput_query_version()
        devices = self._ears.xinput_query_device(xinput.AllDevices).devices
        slaves = [device for device in devices if device.use in (3, 4)]
        self._injecting = {
            device.deviceid for device in slaves if _text(device.name).startswith(_OURS)
        }
        self._ears.screen().root.xinput_select_events(
            [(device.deviceid, _ALL) for device in slaves]
        )
        self._ears.sync()

    def heard(self) -> list[Witnessed]:
        """Every event since the last time, in order."""
        self._ears.sync()
        found = []
        while self._ears.pending_events():
            event = self._ears.next_event()
            if event.type == ge.GenericEventCode:
                device, at, _, _ = _RAW.unpack_from(bytes(event.data[: _RAW.size]))
                found.append(Witnessed(at, device in self._injecting, event.evtype))
        return found

    def held(self) -> list[str]:
        """What is down, in words."""
        told = self._x.query_keymap()
        found = [f"key {code}" for code in range(256) if told[code // 8] >> code % 8 & 1]
        mask = self._x.screen().root.query_pointer().mask
        if mask:
            found.append(f"mask {mask:#x}")
        return found

    def wait_until_free(self, seconds: float) -> list[str]:
        """What is still down after that long; empty as soon as nothing is."""
        until = time.monotonic() + seconds
        while (held := self.held()) and time.monotonic() < until:
            time.sleep(0.005)
        return held

    def wait_until_held(self, seconds: float) -> bool:
        until = time.monotonic() + seconds
        while not self.held():
            if time.monotonic() > until:
                return False
            time.sleep(0.002)
        return True

    def key_map(self) -> list[tuple[int, ...]]:
        info = self._x.display.info
        rows: Any = self._x.get_keyboard_mapping(
            info.min_keycode, info.max_keycode - info.min_keycode + 1
        )
        return [tuple(row[:2]) for row in rows]

    def close(self) -> None:
        self._x.close()
        self._ears.close()


@contextmanager
def opened_stage() -> Iterator[Stage]:
    with VirtualDesktop(SIZE, sandbox=False) as desktop:
        stage = Stage(desktop)
        yield stage
        stage.close()


def _text(name: str | bytes) -> str:
    return name.decode("latin-1") if isinstance(name, bytes) else name
