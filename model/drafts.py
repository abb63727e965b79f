"""Guesses of what comes next, from what came before.

An answer repeats words of its prompt, the form every answer has, and the code of answers
before it. A guess costs little and the network checks several in one pass, so a right one
saves a pass and a wrong one changes nothing (prompt lookup; speculative decoding,
https://arxiv.org/abs/2211.17192). That holds for sampled answers too: each token is drawn
from the network's own distribution, and a guess is right if it is what was drawn.
"""

from collections.abc import Iterable
from typing import NamedTuple

LENGTHS = (4, 3, 2, 1)
"""Tokens that must be the same for the place after them to be a guess; longer first."""


class Guess(NamedTuple):
    ids: list[int]
    matched: int
    """How many tokens before it were the same; 0: there is no guess."""


class Drafts:
    """Follows a text as it grows."""

    def __init__(self, ids: Iterable[int] = ()) -> None:
        self._ids: list[int] = []
        self._places: dict[tuple[int, ...], int] = {}
        """Where the text went on after these tokens, the last time."""
        self.extend(ids)

    def extend(self, ids: Iterable[int]) -> None:
        for token_id in ids:
            for length in LENGTHS:
                if len(self._ids) >= length:
                    self._places[tuple(self._ids[-length:])] = len(self._ids)
            self._ids.append(token_id)

    def guess(self, most: int) -> Guess:
        """Up to `most` ids that may come next; none where the last token is new."""
        for length in LENGTHS:
            place = self._places.get(tuple(self._ids[-length:]))
            if place is not None and len(self._ids) >= length:
                return Guess(self._ids[place : place + most], length)
        return Guess([], 0)
