"""Text to ids and back: tiktoken ranks, the public special ids, the public chat layout.

A turn is `<|im_user|>user<|im_middle|>CONTENT<|im_end|>`, a picture in it
`<|media_start|>image<|media_content|><|media_pad|><|media_end|>`. Control tokens inside
CONTENT stay text: a web page on the screen must not be able to end a turn.
"""

import base64
import binascii
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path

import tiktoken

from model.errors import CheckpointError
from model.messages import ImagePart, Message, TextPart

NUM_SPECIAL = 256
MAX_FILE_BYTES = 32 << 20
MAX_RUN_CHARACTERS = 25_000
"""tiktoken's matcher is quadratic in long runs; the public code cuts them here too."""

NAMED = {
    0: "[BOS]",
    1: "[EOS]",
    2: "<|im_end|>",
    3: "<|im_user|>",
    4: "<|im_assistant|>",
    6: "<|start_header_id|>",
    7: "<|end_header_id|>",
    9: "[EOT]",
    10: "<|im_system|>",
    17: "<|im_middle|>",
    18: "<|media_start|>",
    19: "<|media_content|>",
    20: "<|media_end|>",
    21: "<|media_pad|>",
    254: "[PAD]",
    255: "[UNK]",
}
"""Offsets from the first special id, which is the number of ranks (163584 at full size)."""

_CONTRACTION = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
_UPPER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]"
_LOWER = r"[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]"
PATTERN = "|".join(
    (
        r"[\p{Han}]+",
        rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+{_CONTRACTION}",
        rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*{_CONTRACTION}",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    )
)
"""How Moonshot's tokenizer cuts text before it merges bytes."""

DEFAULT_SYSTEM = "You are a helpful assistant"


class Tokenizer:
    def __init__(self, ranks: dict[bytes, int]) -> None:
        self.num_ranks = len(ranks)
        self.special = {
            NAMED.get(offset, f"<|reserved_token_{self.num_ranks + offset}|>"): self.num_ranks
            + offset
            for offset in range(NUM_SPECIAL + 2)
        }
        self.encoding = tiktoken.Encoding(
            "moonhand", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens=self.special
        )
        """For whoever needs the ranks; it takes control tokens in a text for such."""

    @classmethod
    def from_file(cls, path: str | Path) -> "Tokenizer":
        """Read a `tiktoken.model`: a line per token, base64 of its bytes, a space, its rank.

        Raises:
            CheckpointError: not such a file, or ranks with gaps or repeats.
        """
        path = Path(path)
        if not path.exists():
            raise CheckpointError(f"no tokenizer at {path}")
        if path.stat().st_size > MAX_FILE_BYTES:
            raise CheckpointError(f"{path} is larger than {MAX_FILE_BYTES} bytes")
        ranks: dict[bytes, int] = {}
        try:
            for line in path.read_bytes().splitlines():
                token, rank = line.split()
                ranks[base64.b64decode(token, validate=True)] = int(rank)
        except (ValueError, binascii.Error) as error:
            raise CheckpointError(f"{path} is not a tiktoken file: {error}") from error
        if sorted(ranks.values()) != list(range(len(ranks))) or len(ranks) < 256:
            raise CheckpointError(f"{path} has ranks with gaps, repeats, or fewer than 256")
        return cls(ranks)

    @property
    def vocab_size(self) -> int:
        """Rows of the embedding: two special ids more exist than it has, as in the public files."""
        return self.num_ranks + NUM_SPECIAL

    @cached_property
    def stop_ids(self) -> tuple[int, int]:
        return self.special["[EOS]"], self.special["<|im_end|>"]

    def encode(self, text: str) -> list[int]:
        """Ids of plain text; nothing in it is taken for a control token."""
        ids: list[int] = []
        for piece in _cut_long_runs(text):
            ids.extend(self.encoding.encode_ordinary(piece))
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text, control tokens by their names; half a character becomes U+FFFD."""
        return self.encoding.decode(list(ids), errors="replace")

    def decode_bytes(self, ids: Sequence[int]) -> bytes:
        return self.encoding.decode_bytes(list(ids))

    def render(self, messages: Iterable[Message], add_generation_prompt: bool = True) -> str:
        """The chat as one string, for people; encoding it would mistake text for control."""
        pieces = self._pieces(messages, add_generation_prompt)
        return "".join(text for text, _ in pieces)

    def encode_chat(
        self, messages: Iterable[Message], add_generation_prompt: bool = True
    ) -> list[int]:
        """Ids of the chat, one `<|media_pad|>` a picture (the processor repeats it)."""
        ids: list[int] = []
        for text, is_control in self._pieces(messages, add_generation_prompt):
            ids.extend([self.special[text]] if is_control else self.encode(text))
        return ids

    def _pieces(
        self, messages: Iterable[Message], add_generation_prompt: bool
    ) -> list[tuple[str, bool]]:
        """(text, whether it is one control token), neighbouring plain texts joined.

        Joined, because a word cut in two parts encodes to other ids than the whole word.
        """
        pieces: list[tuple[str, bool]] = []

        def add(text: str, is_control: bool = False) -> None:
            if pieces and not is_control and not pieces[-1][1]:
                text = pieces.pop()[0] + text
            if text:
                pieces.append((text, is_control))

        turns = list(messages)
        if not turns or turns[0].role != "system":
            turns.insert(0, Message("system", (TextPart(DEFAULT_SYSTEM),)))
        for turn in turns:
            add(f"<|im_{turn.role}|>", True)
            add(turn.role)
            add("<|im_middle|>", True)
            for part in turn.parts:
                match part:
                    case ImagePart():
                        add("<|media_start|>", True)
                        add("image")
                        add("<|media_content|>", True)
                        add("<|media_pad|>", True)
                        add("<|media_end|>", True)
                    case TextPart(text=text):
                        add(text)
            add("<|im_end|>", True)
        if add_generation_prompt:
            add("<|im_assistant|>", True)
            add("assistant")
            add("<|im_middle|>", True)
        return pieces


def _cut_long_runs(text: str) -> Iterable[str]:
    """Pieces without a run of more than 25,000 spaces or non-spaces."""
    start = run = 0
    for index, character in enumerate(text):
        is_same_kind = index > 0 and character.isspace() == text[index - 1].isspace()
        run = run + 1 if is_same_kind else 1
        if run > MAX_RUN_CHARACTERS:
            yield text[start:index]
            start, run = index, 1
    yield text[start:]
