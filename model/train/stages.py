"""A stage of training as data: what it reads, what it moves, how fast, how long."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    name: str
    trains: Literal["vision", "all"] = "all"
    """"vision": MoonViT on glyphs alone; "all": everything on answers, glyphs and pointers."""
    steps: int
    batch_size: int = 16
    """Screenshots a step."""
    learning_rate: float = 2e-3
    """Peak; warm-up, then constant, then linear to nothing over the last steps."""
    warmup_steps: int = 50
    cooldown_steps: int = 0
    weight_decay: float = 0.1
    glyph_weight: float = 0.3
    pointer_weight: float = 0.2
    expert_balance_rate: float = 0.003
    """Ten times the public 1e-3 step would be for runs of 100 thousand steps; ours are shorter."""
    dtype: Literal["float32", "bfloat16"] = "bfloat16"
    """Of the products. bfloat16 is several times quicker with AMX, and slower than float32 by a
    half on an AVX-512 machine without it."""
    mixture: dict[str, float] = field(default_factory=dict)
    """Source ("specimens", "pages", "demonstrations") to its share of a batch."""
    seed: int = 0

    def __post_init__(self) -> None:
        if self.trains not in ("vision", "all"):
            raise ValueError(f'trains is {self.trains!r}; expected "vision" or "all"')
        if self.dtype not in ("float32", "bfloat16"):
            raise ValueError(f'dtype is {self.dtype!r}; expected "float32" or "bfloat16"')
        for name in ("steps", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; expected at least 1")
        if not self.mixture or min(self.mixture.values()) < 0 or not sum(self.mixture.values()):
            raise ValueError(f"mixture is {self.mixture}; expected shares, at least one above 0")
        if self.cooldown_steps > self.steps:
            raise ValueError(f"a cooldown of {self.cooldown_steps} of {self.steps} steps")

    def rate_at(self, step: int) -> float:
        """Learning rate of the step, counted from 0."""
        warm = min(1.0, (step + 1) / max(self.warmup_steps, 1))
        left = self.steps - step
        cool = min(1.0, left / self.cooldown_steps) if self.cooldown_steps else 1.0
        return self.learning_rate * warm * cool

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Read JSON; an unknown key is an error.

        Raises:
            ValueError: not JSON, unknown or missing keys, impossible values.
        """
        try:
            found: dict[str, Any] = json.loads(path.read_text())
            return cls(**found)
        except (TypeError, json.JSONDecodeError) as error:
            raise ValueError(f"{path}: {error}") from error
        except FileNotFoundError as error:
            raise ValueError(f"no stage file at {path}") from error
