"""libxkbcommon's table of what a keysym types; it comes with every toolkit."""

import ctypes
from ctypes.util import find_library

from env.errors import DesktopUnavailable

_NAME = "libxkbcommon.so.0"


class Characters:
    def __init__(self) -> None:
        """
        Raises:
            DesktopUnavailable: the library is not installed.
        """
        try:
            # By its name first: looking for it starts a compiler's tools, 100 ms.
            library = ctypes.CDLL(_NAME)
        except OSError:
            library = _found()
        self._to_utf32 = library.xkb_keysym_to_utf32
        self._to_utf32.argtypes = [ctypes.c_uint32]
        self._to_utf32.restype = ctypes.c_uint32

    def of(self, symbol: int) -> str:
        """The character, or an empty string for a keysym that types none."""
        code = self._to_utf32(symbol) if symbol else 0
        return chr(code) if code >= 0x20 else ""


def _found() -> ctypes.CDLL:
    name = find_library("xkbcommon")
    try:
        return ctypes.CDLL(name or _NAME)
    except OSError as error:
        raise DesktopUnavailable(
            f"{name or _NAME} is not installed; try: apt-get install libxkbcommon0"
        ) from error
