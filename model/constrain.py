"""Keeps what is generated to a grammar, between an opening and the grammar's own end.

Outside of that, and inside a thinking model's thought, nothing is touched. Tokens the
grammar leaves no choice about are told without being drawn. The grammar is llguidance's
dialect of Lark (https://github.com/guidance-ai/llguidance).

Shapes: V vocabulary.
"""

from functools import lru_cache

import numpy as np
import torch
from llguidance import LLMatcher, LLTokenizer
from llguidance.tiktoken import lltokenizer_from_encoding
from torch import Tensor

from model.messages import THINK_CLOSE, THINK_OPEN, Constraint
from model.tokenizer import Tokenizer

LONGEST_OPENING = 64


class Guide:
    """Follows one answer, token by token."""

    def __init__(self, constraint: Constraint, tokenizer: Tokenizer) -> None:
        """
        Raises:
            ValueError: the grammar is none.
        """
        self._tokenizer = tokenizer
        self._openings = tuple(opening.encode() for opening in constraint.openings)
        self._fresh = _matcher(constraint.grammar, tokenizer)
        self._matcher: LLMatcher | None = None
        self._tail = b""
        self._thinks = False

    @property
    def holds(self) -> bool:
        return self._matcher is not None

    def masked(self, logits_V: Tensor) -> Tensor:
        """Minus infinity for what the grammar does not let follow."""
        if self._matcher is None:
            return logits_V
        words = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
        allowed = np.unpackbits(words, bitorder="little")[: logits_V.shape[-1]]
        mask = torch.from_numpy(allowed.astype(bool)).to(logits_V.device)
        return logits_V.masked_fill(~mask, float("-inf"))

    def accept(self, token_id: int) -> None:
        """A token was told; the grammar may begin or end with it."""
        if self._matcher is not None:
            assert self._matcher.consume_token(token_id), self._matcher.get_error()
            if self._matcher.is_stopped() or self._matcher.is_accepting():
                self._matcher, self._tail = None, b""
            return
        text = self._tail + self._tokenizer.decode_bytes([token_id])
        self._thinks = _thinks_after(text, self._thinks)
        self._tail = text[-LONGEST_OPENING:]
        if not self._thinks and self._tail.endswith(self._openings):
            self._matcher = self._fresh.deep_copy()

    def forced(self) -> list[int]:
        """Tokens that follow whatever the network would say; not accepted yet."""
        return [] if self._matcher is None else list(self._matcher.compute_ff_tokens())


def _thinks_after(text: bytes, thinks: bool) -> bool:
    opened, closed = text.rfind(THINK_OPEN.encode()), text.rfind(THINK_CLOSE.encode())
    return thinks if opened == closed else opened > closed


def _matcher(grammar: str, tokenizer: Tokenizer) -> LLMatcher:
    matcher = LLMatcher(_vocabulary(tokenizer), LLMatcher.grammar_from_lark(grammar))
    if matcher.is_error():
        raise ValueError(f"no grammar: {matcher.get_error()}")
    return matcher


@lru_cache(maxsize=2)
def _vocabulary(tokenizer: Tokenizer) -> LLTokenizer:
    """The tokenizer as llguidance wants it: a second of work for the public one."""
    found: LLTokenizer = lltokenizer_from_encoding(
        tokenizer.encoding, n_vocab=tokenizer.vocab_size + 2, eos_token=tokenizer.stop_ids[0]
    )
    return found
