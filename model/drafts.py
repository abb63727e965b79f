"""Guesses of what comes next, from what came before.

An answer repeats words of its prompt and the form every answer has. A guess costs nothing
and the network checks several in one pass, so a right one saves a pass and a wrong one
changes nothing (prompt lookup; greedy speculative decoding, https://arxiv.org/abs/2211.17192).
"""

from collections.abc import Iterable

LENGTHS = (3, 2)
"""Tokens that must be the same for the place after them to be a guess; longer first."""


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

    def guess(self, most: int) -> list[int]:
        """Up to `most` ids that may come next; empty where the last tokens are new."""
        for length in LENGTHS:
            place = self._places.get(tuple(self._ids[-length:]))
            if place is not None:
                return self._ids[place : place + most]
        return []
