"""Opening what lies in a folder that others may write, following no link of theirs: openat2(2)."""

import ctypes
import os
import struct

_OPENAT2 = 437
"""The same number on every machine."""
_RESOLVE_NO_SYMLINKS, _RESOLVE_BENEATH = 0x04, 0x08
_HOW = struct.Struct("QQQ")

_libc = ctypes.CDLL(None, use_errno=True)


def pinned(folder: int, path: str) -> int:
    """A descriptor that only names the thing; whoever asks closes it. It stays the same thing,
    whatever is put in its place later.

    Args:
        folder: a descriptor.
        path: from there; not upwards.

    Raises:
        OSError: nothing is there, or the way leads over a link (ELOOP).
    """
    # Without O_NOFOLLOW, by which O_PATH opens the link itself.
    how = _HOW.pack(os.O_PATH | os.O_CLOEXEC, 0, _RESOLVE_NO_SYMLINKS | _RESOLVE_BENEATH)
    found: int = _libc.syscall(
        ctypes.c_long(_OPENAT2), folder, path.encode(), how, ctypes.c_size_t(_HOW.size)
    )
    if found < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), path)
    return found
