"""What goes into a model and what comes out of it: plain values, no torch."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from PIL import Image

Role = Literal["system", "user", "assistant"]

THINK_OPEN, THINK_CLOSE = "◁think▷", "◁/think▷"
"""Around the thought of a thinking model; plain text, no control tokens."""


@dataclass(frozen=True, slots=True)
class TextPart:
    text: str


@dataclass(frozen=True, slots=True)
class ImagePart:
    image: Image.Image


Part = TextPart | ImagePart


@dataclass(frozen=True, slots=True)
class Message:
    role: Role
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        """The text parts joined; images leave no trace."""
        return "".join(part.text for part in self.parts if isinstance(part, TextPart))


def system(text: str) -> Message:
    return Message("system", (TextPart(text),))


def user(*parts: Part | str) -> Message:
    return Message("user", tuple(TextPart(p) if isinstance(p, str) else p for p in parts))


def assistant(text: str) -> Message:
    return Message("assistant", (TextPart(text),))


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraint:
    """What a part of an answer must look like; the rest stays free."""

    grammar: str
    """llguidance's dialect of Lark; its end is where the constrained part ends."""
    openings: tuple[str, ...]
    """Texts of the answer after any of which the grammar begins to hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    temperature: float = 0.0
    """0 is greedy; the card of Kimi-VL-Thinking recommends 0.8."""
    max_new_tokens: int = 512
    seed: int | None = None
    """Of the sampler; None draws one."""
    constraint: Constraint | None = None
    """None: the model may write what it likes."""

    def __post_init__(self) -> None:
        if self.temperature < 0.0:
            raise ValueError(f"temperature {self.temperature}; expected 0 or more")
        if self.max_new_tokens < 1:
            raise ValueError(f"max_new_tokens {self.max_new_tokens}; expected at least 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    text: str
    """Without the end token."""
    token_ids: tuple[int, ...] = ()
    """As sampled, the end token included; training reads these, never the text anew."""
    log_probs: tuple[float, ...] = ()
    """Natural log, one a token id, under the sampling temperature 1."""
    finished: bool = True
    """False: cut off by max_new_tokens."""
    num_prompt_tokens: int = 0
    num_reused_tokens: int = 0
    """Of the prompt's, those still in the cache from the prompt before."""
    num_prepared_tokens: int = 0
    """Computed ahead since the answer before, for this prompt or a later one."""
    num_passes: int = 0
    """Of the network for the new tokens, after the prompt's own; fewer than these where guesses
    were right, or a grammar left no choice."""
    num_guessed: int = 0
    """Guesses of a next token that were checked."""
    num_right: int = 0
    """Of the guesses."""
    num_forced: int = 0
    """New tokens that a grammar left no choice about."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Where the time went: "vision" (cutting pictures and looking at them), "prefill", "decode";
    "ahead", spent before the prompt came."""


OnText = Callable[[str], None]
"""Called with each new piece of text as it is generated."""
