"""Every file the suite's tasks download, by its path in the mirror, and how it is made."""

import random
from collections.abc import Callable, Mapping

Make = Callable[[random.Random], bytes]
"""Bytes of one file. Same seed, same content; a gold file is made from its input's seed."""

_FILES: dict[str, Make] = {}
"""Filled once, while the modules of this package are imported; constant afterwards."""


def made(path: str, *, like: str | None = None) -> Callable[[Make], Make]:
    """Register how a file is made.

    Args:
        like: the file whose seed it shares: a gold file's input.
    """

    def register(function: Make) -> Make:
        assert path not in _FILES, f"two makers of {path}"
        _FILES[path] = lambda rng: function(rng)
        _SEEDS[path] = like or path
        return function

    return register


_SEEDS: dict[str, str] = {}


def text(path: str, content: str) -> None:
    """Register a file that is the same whatever the seed."""
    made(path)(lambda rng: content.encode())


def all_files() -> Mapping[str, Make]:
    return _FILES


def content(path: str, seed: int) -> bytes:
    """The bytes of one file; a string seeds Random alike on every machine."""
    return _FILES[path](random.Random(f"{seed}/{_SEEDS[path]}"))
