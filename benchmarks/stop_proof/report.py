"""What a proof found, as JSON and in a line."""

from collections import Counter
from dataclasses import dataclass, field
from statistics import median
from typing import Any


@dataclass(slots=True, kw_only=True)
class Report:
    name: str
    cases: int = 0
    bad: list[str] = field(default_factory=list)
    """A line for each case that was not as promised."""
    counts: Counter[str] = field(default_factory=Counter)
    milliseconds: dict[str, list[float]] = field(default_factory=dict)
    """From the cause to the last injected event, by what was done."""

    def took(self, what: str, milliseconds: float) -> None:
        self.milliseconds.setdefault(what, []).append(milliseconds)

    def plain(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "cases": self.cases,
            "bad": self.bad,
            "counts": dict(self.counts),
            "milliseconds": {what: spread(found) for what, found in self.milliseconds.items()},
        }


def spread(found: list[float]) -> dict[str, float]:
    ordered = sorted(found)
    return {
        "cases": len(ordered),
        "median": median(ordered),
        "p99": ordered[min(len(ordered) - 1, round(0.99 * len(ordered)))],
        "worst": ordered[-1],
    }
