"""A stage of training as data: what it reads and moves, how fast, how long, what it must reach."""

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

from model.train.schedules import SCHEDULES, Schedule, rate_at

PARTS = {
    "vision": ("vision_tower",),
    "projector": ("multi_modal_projector",),
    "alignment": ("vision_tower", "multi_modal_projector"),
    "decoder": ("language_model",),
    "all": ("vision_tower", "multi_modal_projector", "language_model"),
}
"""What a stage trains, as modules of the network."""

MEASURES = ("glyph_accuracy", "pointer_accuracy", "copy_accuracy", "token_accuracy", "exact")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What must hold, on data nothing was trained on, before the next stage begins."""

    measure: str
    """"glyph_accuracy": characters read; "pointer_accuracy": points looked at; "copy_accuracy";
    "token_accuracy": of the answers, each after the right ones before it; "exact": whole answers,
    written greedily."""
    at_least: float
    source: str
    """Of the held-out data, named as in a mixture."""
    rows: int = 64
    """How many conversations are judged."""

    def __post_init__(self) -> None:
        if self.measure not in MEASURES:
            raise ValueError(f"measure is {self.measure!r}; expected one of {MEASURES}")
        if not 0.0 <= self.at_least <= 1.0 or self.rows < 1:
            raise ValueError(
                f"a gate of {self.at_least} over {self.rows} rows; expected 0 to 1, 1 or more"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    name: str
    trains: Literal["vision", "projector", "alignment", "decoder", "all"] = "all"
    """"vision": MoonViT on what is written in its pictures, without the decoder; the others: those
    parts on answers, glyphs and pointers. "alignment" is vision and projector, decoder frozen."""
    steps: int = 0
    tokens: int = 0
    """Instead of `steps`, for packed sequences: as many steps as pass at least these tokens."""
    batch_size: int = 16
    """Screenshots a step; with `sequence_length`, sequences a step."""
    sequence_length: int = 0
    """Conversations are packed into sequences of about this many tokens, each closed by the
    conversation that reaches it; what they begin with alike counts once. 0: each is a row of its
    own, padded to the longest, and nothing is shared."""
    learning_rate: float = 2e-3
    """Peak; what comes before and after, `model.train.schedules` says."""
    warmup_steps: int = 50
    schedule: Schedule = "constant"
    final_rate: float = 0.0
    """Where a cosine or linear schedule ends."""
    cooldown_steps: int = 0
    continues: bool = False
    """The optimizer's state and the learning rate go on from the stage before; else both begin
    anew."""
    weight_decay: float = 0.1
    glyph_weight: float = 0.3
    """Of the dense reading; in a stage of vision alone it is 1 without contrast, and 2 with it, as
    the paper weighs captions against SigLIP's loss."""
    pointer_weight: float = 0.2
    contrast_weight: float = 0.0
    """Of SigLIP's loss on words and the patches they stand on; in a stage of vision alone."""
    window: int = 0
    """Side of the part of a page that is shown, in pixels; 0: whole pages. Small windows first is
    the progressive resolution of the paper."""
    rope_theta: float | None = None
    """Base of the rotary positions from this stage on; None: as it was."""
    max_positions: int | None = None
    """Positions the network has from this stage on; None: as it was."""
    ema_decay: float = 0.0
    """The stage hands on the running mean of its weights, kept with this decay a step; 0: the
    last weights."""
    adapter_rank: int = 0
    """Train low-rank adapters of this rank beside the weights, which stay; 0: the weights."""
    four_bits: bool = False
    """With adapters: the decoder's own weights are held in 4 bits (bitsandbytes, CUDA)."""
    sharded: bool = False
    """Every weight is trained, each process of `torchrun` holding a part (FSDP2); answers only."""
    checkpointed: bool = False
    """Layers are computed again in the backward pass instead of being remembered."""
    expert_balance_rate: float = 0.003
    """Ten times the public 1e-3 step would be for runs of 100 thousand steps; ours are shorter."""
    dtype: Literal["float32", "bfloat16"] = "bfloat16"
    """Of the products. bfloat16 is several times quicker with AMX, and slower than float32 by a
    half on an AVX-512 machine without it."""
    mixture: dict[str, float] = field(default_factory=dict)
    """Source ("specimens", "demonstrations", ...) to its share of the conversations."""
    gate: Gate | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        self._refuse_unknown()
        for name in ("batch_size", "num_steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; expected at least 1")
        if self.steps and self.tokens:
            raise ValueError(
                f"{self.steps} steps and {self.tokens} tokens; expected one of the two"
            )
        if not self.mixture or min(self.mixture.values()) < 0 or not sum(self.mixture.values()):
            raise ValueError(f"mixture is {self.mixture}; expected shares, at least one above 0")
        if self.cooldown_steps > self.num_steps:
            raise ValueError(f"a cooldown of {self.cooldown_steps} of {self.num_steps} steps")
        if not 0.0 <= self.ema_decay < 1.0:
            raise ValueError(f"ema_decay is {self.ema_decay}; expected 0 or more, below 1")

    def _refuse_unknown(self) -> None:
        for name, known in (
            ("trains", tuple(PARTS)),
            ("schedule", SCHEDULES),
            ("dtype", ("float32", "bfloat16")),
        ):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} is {getattr(self, name)!r}; expected one of {known}")
        for name in ("steps", "tokens", "sequence_length", "window", "adapter_rank"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}; expected 0 or more")
        if self.tokens and not self.sequence_length:
            raise ValueError("tokens are counted in packed sequences; expected a sequence_length")
        if self.sharded and (self.adapter_rank or not self.sequence_length):
            raise ValueError("a sharded stage is packed, without adapters; see sequence_length")
        if self.four_bits and not self.adapter_rank:
            raise ValueError("weights of four bits cannot be trained; expected an adapter_rank")
        if self.contrast_weight and self.trains != "vision":
            raise ValueError('contrast_weight is for a stage that trains "vision"')

    @property
    def num_steps(self) -> int:
        if self.tokens:
            return math.ceil(self.tokens / (self.batch_size * self.sequence_length))
        return self.steps

    def rate_at(self, step: int, start_rate: float = 0.0) -> float:
        """Learning rate of the step, counted from 0.

        Args:
            start_rate: the last one of the stage before, if this one continues it.
        """
        return rate_at(
            step,
            steps=self.num_steps,
            peak=self.learning_rate,
            warmup_steps=self.warmup_steps,
            schedule=self.schedule,
            final_rate=self.final_rate,
            cooldown_steps=self.cooldown_steps,
            start_rate=start_rate if self.continues else 0.0,
        )

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> Self:
        """
        Raises:
            TypeError: unknown or missing keys.
            ValueError: impossible values.
        """
        gate = found.get("gate")
        return cls(**{**found, "gate": None if gate is None else Gate(**gate)})

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Read JSON; an unknown key is an error.

        Raises:
            ValueError: not JSON, unknown or missing keys, impossible values.
        """
        try:
            return cls.from_json(json.loads(path.read_text()))
        except FileNotFoundError as error:
            raise ValueError(f"no stage file at {path}") from error
        except (TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"{path}: {error}") from error
