"""What one prompt shares with those before it, so that only the rest is computed.

An agent asks again and again with the same opening. The latents of the last prompt and
answer are kept, each with what made it: the token's id or, for a token of a picture, the
picture's digest, since all pictures have the same placeholder. Where two prompts part,
the cache is cut and goes on from there. Beside that line a second one may hold the opening
of a prompt to come. The features of the last pictures are kept too: an unchanged screenshot
may stand at another place of the next prompt.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from itertools import takewhile
from operator import eq

import torch
from torch import Tensor

from model.cache import LatentCache
from model.images import Picture
from model.moonvit import Grid

Key = int | tuple[str, int]
"""What a position of a prompt was made from: a token id, or a picture and the place in it."""

FEATURE_BYTES = 128 * 2**20
"""Kept of pictures: at full size 31 of them in bfloat16, several times what a prompt shows."""


class Line:
    """Latents of one text, and what made each."""

    def __init__(self, num_layers: int) -> None:
        self.cache = LatentCache(num_layers)
        self._keys: list[Key] = []

    def shared(self, keys: Sequence[Key]) -> int:
        """Positions at the beginning that are the same."""
        return sum(1 for _ in takewhile(bool, map(eq, self._keys, keys)))

    def cut(self, length: int) -> None:
        """Forget all after so many positions."""
        self.cache.rewind(length)
        del self._keys[length:]

    def holds(self, keys: Sequence[Key]) -> None:
        """These positions have all been computed, and perhaps wrong guesses after them."""
        self.cache.rewind(len(keys))
        self._keys = list(keys)

    def take(self, other: "Line", length: int) -> None:
        """Hold what another line does of its first positions, and nothing else."""
        self.cut(0)
        self.cache.take(other.cache, length)
        self._keys = other._keys[:length]


class Prefix:
    """What is kept between prompts. Belongs to one generator; not for two threads."""

    def __init__(
        self, num_layers: int, *, keeps_lines: bool = True, feature_bytes: int = FEATURE_BYTES
    ) -> None:
        """
        Args:
            keeps_lines: False: every prompt is computed from its first token.
            feature_bytes: kept of pictures; 0: none is, nor looked at less than anew.
        """
        self._line, self._ahead = Line(num_layers), Line(num_layers)
        self._keeps_lines = keeps_lines
        self._feature_bytes = feature_bytes
        self._features: OrderedDict[str, Tensor] = OrderedDict()

    def start(self, keys: Sequence[Key]) -> tuple[Line, int]:
        """The line that shares most with a prompt, cut to that; and how many positions that is.

        At least the prompt's last position is left to be computed: the answer starts from it.
        Whatever interrupts the answer, what the line says it holds stays true.
        """
        if not self._keeps_lines:
            self._line.cut(0)
        elif self._ahead.shared(keys) > self._line.shared(keys):
            self._line, self._ahead = self._ahead, self._line
        reused = min(self._line.shared(keys), len(keys) - 1)
        self._line.cut(reused)
        return self._line, reused

    def start_ahead(self, keys: Sequence[Key]) -> tuple[Line, int] | None:
        """As `start` for the opening of a prompt to come, which leaves the line of now as it is;
        None where nothing is to be computed."""
        ready = max(self._line.shared(keys), self._ahead.shared(keys))
        if not self._keeps_lines or ready == len(keys):
            return None
        if self._ahead.shared(keys) < ready:
            self._ahead.take(self._line, ready)
        self._ahead.cut(ready)
        return self._ahead, ready

    def features(self, digest: str, encode: Callable[[], Tensor]) -> Tensor:
        """Of a picture, by its digest; `encode` is called if they are not kept."""
        found = self._features.pop(digest, None)
        self._features[digest] = found = encode() if found is None else found
        while self._features and _bytes_of(self._features) > self._feature_bytes:
            self._features.popitem(last=False)
        return found


def _bytes_of(features: OrderedDict[str, Tensor]) -> int:
    return sum(tensor.nbytes for tensor in features.values())


def digest_of(pixels_N3PP: Tensor, grid: Grid) -> str:
    """Of one picture: its patches and its grid."""
    pixels = pixels_N3PP.cpu().contiguous().numpy().tobytes()
    return hashlib.sha256(repr(tuple(grid)).encode() + pixels).hexdigest()


def pictures_of(pixels_N3PP: Tensor, grids: Sequence[Grid]) -> list[Picture]:
    """Of pictures that are cut already, all one after another."""
    parts = pixels_N3PP.split([grid.num_patches for grid in grids])
    return [
        Picture(digest_of(pixels, grid), grid, partial(_as_it_is, pixels))
        for pixels, grid in zip(parts, grids, strict=True)
    ]


def _as_it_is(pixels_N3PP: Tensor) -> Tensor:
    return pixels_N3PP


def keys_of(
    token_ids: Sequence[int], placeholder: int, pictures: Sequence[tuple[str, int]]
) -> list[Key]:
    """The keys of a prompt.

    Args:
        pictures: digest and number of tokens of each, in the order of the prompt.
    """
    places = iter([(digest, place) for digest, count in pictures for place in range(count)])
    return [next(places) if token == placeholder else token for token in token_ids]


def pictures_from(
    keys: Sequence[Key], start: int, pictures: Sequence[tuple[str, int]]
) -> tuple[list[int], int]:
    """Which pictures have tokens at `start` or later, and how many of the first's come before.

    A prompt is cut in a picture only at its very end, where one token is always left.
    """
    before = sum(isinstance(key, tuple) for key in keys[:start])
    wanted: list[int] = []
    seen = skipped = 0
    for index, (_, count) in enumerate(pictures):
        if seen + count > before:
            if not wanted:
                skipped = max(0, before - seen)
            wanted.append(index)
        seen += count
    return wanted, skipped


def feature_rows(parts: Sequence[Tensor], skipped: int) -> Tensor | None:
    """The features of the pictures a prompt still needs, without those it has."""
    return torch.cat(list(parts))[skipped:] if parts else None
