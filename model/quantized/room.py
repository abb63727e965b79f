"""What large intermediate results took goes back to the system when they are gone.

glibc keeps freed blocks of up to 32 MB for itself once it has seen them come and go, in pieces that
the next result does not fit into: 0.3 GB after 2,048 tokens of a network that is told by how
little memory it needs.
"""

import ctypes
import sys

M_MMAP_THRESHOLD = -3
"""`mallopt`'s name for: blocks of at least so many bytes are the system's own."""
LARGE_BYTES = 4 << 20


def give_back_large_blocks() -> None:
    """For the whole process. Nothing where the C library is another than glibc."""
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)
