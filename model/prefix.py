"""What one prompt shares with the one before it, so that only the rest is computed.

An agent asks again and again with the same opening. The latents of the last prompt and
answer are kept, each with what made it: the token's id or, for a token of a picture, the
picture's digest, since all pictures have the same placeholder. Where two prompts part,
the cache is cut and goes on from there. The features of the last pictures are kept too:
an unchanged screenshot may stand at another place of the next prompt.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from itertools import takewhile
from operator import eq

import torch
from torch import Tensor

from model.cache import LatentCache
from model.moonvit import Grid

Key = int | tuple[str, int]
"""What a position of a prompt was made from: a token id, or a picture and the place in it."""

PICTURES_KEPT = 4
"""Features of so many pictures: a step's prompt seldom shows more."""


class Prefix:
    """The latents of one conversation. Belongs to one generator; not for two threads."""

    def __init__(self, num_layers: int) -> None:
        self.cache = LatentCache(num_layers)
        self._keys: list[Key] = []
        self._features: OrderedDict[str, Tensor] = OrderedDict()

    def start(self, keys: Sequence[Key]) -> int:
        """Cut the cache to what it shares with a prompt; returns how many positions that is.

        At least the prompt's last position is left to be computed: the answer starts from it.
        Until `finish` nothing counts as kept, so that an interrupted answer leaves no half.
        """
        same = sum(1 for _ in takewhile(bool, map(eq, self._keys, keys)))
        reused = min(same, len(keys) - 1)
        self.cache.rewind(reused)
        self._keys = []
        return reused

    def finish(self, keys: Sequence[Key]) -> None:
        """The cache now holds these positions, and perhaps wrong guesses after them."""
        self.cache.rewind(len(keys))
        self._keys = list(keys)

    def features(self, digest: str, encode: Callable[[], Tensor]) -> Tensor:
        """Of a picture, by its digest; `encode` is called if they are not kept."""
        found = self._features.pop(digest, None)
        self._features[digest] = encode() if found is None else found
        if len(self._features) > PICTURES_KEPT:
            self._features.popitem(last=False)
        return self._features[digest]


def digest_of(pixels_N3PP: Tensor, grid: Grid) -> str:
    """Of one picture: its patches and its grid."""
    pixels = pixels_N3PP.cpu().contiguous().numpy().tobytes()
    return hashlib.sha256(repr(tuple(grid)).encode() + pixels).hexdigest()


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
