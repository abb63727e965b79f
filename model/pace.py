"""How many guesses a pass of the network is to check.

A wider pass costs more: where most of a mixture's experts are read from memory for it, several
times as much as a narrow one; on a small network next to nothing. So what passes cost is
measured as they come, and how often guesses were right, and only as many are checked as make
tokens come faster. Nothing here changes an answer.
"""

from collections import deque

import numpy as np

MOST_GUESSES = 12
"""A pass."""
LONGEST_MATCH = 4
"""Guesses after as many matching tokens, or more, are counted together."""
PASSES_REMEMBERED = 48
REFITTED_AFTER = 6
"""Passes."""
FORGETTING = 0.98
"""What a guess's outcome counts for after each later one: old texts say little of new ones."""
TRIED_ALL_THE_SAME = 32
"""Every so many times that none seems worth it, one is checked: texts change."""


class Pace:
    """Of one network on one machine; not for two threads at once."""

    def __init__(self) -> None:
        # A little more than half of them right, until it is known better.
        self._right = [2.0] * (LONGEST_MATCH + 1)
        self._wrong = [1.0] * (LONGEST_MATCH + 1)
        self._passes: deque[tuple[int, float]] = deque(maxlen=PASSES_REMEMBERED)
        self._num_passed = 0
        self._num_refused = 0
        self._cost: tuple[float, float] | None = None
        """Seconds of a pass with no guess, and more for each guess; None: not known yet."""

    def worth(self, matched: int) -> int:
        """How many guesses to check, 0 to `MOST_GUESSES`, after a match of so many tokens."""
        if self._cost is None:
            return MOST_GUESSES
        narrow, more = self._cost
        tokens, chance = 1.0, 1.0
        best, best_rate = 0, tokens / narrow
        for count in range(1, MOST_GUESSES + 1):
            chance *= self.chance(matched + count - 1)
            tokens += chance
            rate = tokens / (narrow + more * count)
            if rate > best_rate:
                best, best_rate = count, rate
        if best == 0:
            self._num_refused += 1
            return int(self._num_refused % TRIED_ALL_THE_SAME == 0)
        return best

    def chance(self, matched: int) -> float:
        """That a guess after so many matching tokens is right, as it was lately."""
        place = min(matched, LONGEST_MATCH)
        return self._right[place] / (self._right[place] + self._wrong[place])

    def checked(self, matched: int, num_right: int, *, failed: bool) -> None:
        """
        Args:
            num_right: guesses that came true, one after another.
            failed: the one after them did not.
        """
        for step in range(num_right + failed):
            place = min(matched + step, LONGEST_MATCH)
            self._right[place] = self._right[place] * FORGETTING + (step < num_right)
            self._wrong[place] = self._wrong[place] * FORGETTING + (step == num_right)

    def passed(self, num_tokens: int, seconds: float) -> None:
        """A pass of so many tokens at once took so long."""
        self._passes.append((num_tokens, seconds))
        self._num_passed += 1
        if self._num_passed % REFITTED_AFTER == 0:
            self._cost = fitted(self._passes)


def fitted(passes: "deque[tuple[int, float]]") -> tuple[float, float] | None:
    """Seconds of one token alone and of each further one: the median slope between passes of
    different widths (Theil and Sen), since a busy machine makes some passes many times as slow.

    None where all were of one width.
    """
    tokens, seconds = np.array(passes).T
    apart = tokens[:, None] - tokens[None, :]
    wider = apart > 0
    if not wider.any():
        return None
    slopes = (seconds[:, None] - seconds[None, :])[wider] / apart[wider]
    more = max(0.0, float(np.median(slopes)))
    narrow = float(np.median(seconds - more * (tokens - 1)))
    return max(narrow, 1e-6), more
