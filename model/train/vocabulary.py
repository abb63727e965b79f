"""A small byte-pair vocabulary for nano, in the ranks the public tokenizer file uses.

Merged are the words of the prompts and answers, not the names and random strings of the
tasks: those must be spelled, so that copying one from the instruction is the same
whatever stands before it. For that reason a capital or a digit never merges with a
space or a quote. All pairs of digits are tokens, so a coordinate such as 0.52 has its
two decimals in one, and neighbouring values are neighbouring ids.
"""

import base64
import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import regex

FIRST_PAIR_OF_DIGITS = 256
"""The id of "00"; "99" is 99 further."""

WORDS = regex.compile(
    r" (?:Thought|Action|Code|Instruction)|[ .(]?[a-z]+|[A-Z][a-z]+| ?[^\sA-Za-z0-9]+\n*|\n+"
)

Token = tuple[int, ...]


def train_ranks(counts: Mapping[str, int], num_ranks: int) -> dict[bytes, int]:
    """All single bytes, all pairs of digits, then the most frequent merges inside these words."""
    if num_ranks < FIRST_PAIR_OF_DIGITS + 100:
        raise ValueError(f"{num_ranks} ranks; expected at least {FIRST_PAIR_OF_DIGITS + 100}")
    tokens = [bytes([value]) for value in range(256)]
    tokens += [f"{value:02d}".encode() for value in range(100)]
    words = {tuple(word.encode()): count for word, count in counts.items()}
    while len(tokens) < num_ranks:
        pairs: Counter[Token] = Counter()
        for word, count in words.items():
            for pair in itertools.pairwise(word):
                pairs[pair] += count
        if not pairs:
            break
        # Ties go to the smaller ids: the same texts give the same vocabulary.
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merged = len(tokens)
        tokens.append(tokens[best[0]] + tokens[best[1]])
        words = _merge_all(words, best, merged)
    while len(tokens) < num_ranks:
        # Too few words to fill it: triples of digits, so that the size is what was asked for.
        tokens.append(f"{len(tokens) - FIRST_PAIR_OF_DIGITS:03d}".encode())
    return {token: rank for rank, token in enumerate(tokens)}


def _merge_all(words: dict[Token, int], pair: Token, merged: int) -> dict[Token, int]:
    result: Counter[Token] = Counter()
    for word, count in words.items():
        parts: list[int] = []
        for part in word:
            if parts and (parts[-1], part) == pair:
                parts[-1] = merged
            else:
                parts.append(part)
        result[tuple(parts)] += count
    return dict(result)


def write_ranks(ranks: dict[bytes, int], path: Path) -> None:
    """One token a line: base64 of its bytes, a space, its rank."""
    lines = (
        f"{base64.b64encode(token).decode()} {rank}\n"
        for token, rank in sorted(ranks.items(), key=lambda item: item[1])
    )
    path.write_text("".join(lines))


def template_words(
    texts_by_task: Mapping[str, Sequence[str]], least_share: float = 0.1
) -> Counter[str]:
    """The words that belong to a task's wording, not to one episode of it, with their counts.

    A name or a random string is in few of a task's texts; "Submit" is in many.
    """
    counts: Counter[str] = Counter()
    for texts in texts_by_task.values():
        words = [WORDS.findall(text) for text in texts]
        spread = Counter(word for found in words for word in set(found))
        counts.update(
            word for found in words for word in found if spread[word] >= least_share * len(texts)
        )
    return counts
