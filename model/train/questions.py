"""Questions a labelled screenshot answers: where a word is, what is at a point.

One picture is asked several things in one conversation, since looking costs far more
than answering.
"""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from model.train.samples import Conversation, Label, Turn

SYSTEM = "You are a GUI agent."
"""What the agent's small prompt says too: one network, one opening."""

MAX_ANSWER_CHARACTERS = 32

READ_ALOUD_SHARE = 0.5
READ_ALOUD_WORDS = 10


def words_of(characters: Sequence[Label]) -> list[Label]:
    """Neighbouring glyphs of one line joined to words, in the order they came."""
    words: list[Label] = []
    for glyph in characters:
        last = words[-1] if words else None
        height = glyph.bottom - glyph.top
        if (
            last is not None
            and abs(glyph.top - last.top) < 0.3 * height
            and -1.0 <= glyph.left - last.right < 0.15 * height
        ):
            words[-1] = Label(last.text + glyph.text, last.left, last.top, glyph.right, last.bottom)
        else:
            words.append(glyph)
    return words


def ask(
    picture: Path,
    size: tuple[int, int],
    labels: Mapping[str, Sequence[Label]],
    rng: random.Random,
    num_turns: int,
) -> Conversation | None:
    """A conversation of up to `num_turns` questions; None where there is nothing to ask.

    Args:
        size: width and height of the picture in pixels.
        labels: "characters" and, where known, "widgets".
    """
    everything = words_of(labels["characters"])
    words = _asked_for(everything)
    widgets = _asked_for(labels.get("widgets", ()))
    turns = []
    if everything and rng.random() < READ_ALOUD_SHARE:
        turns.append(_read_aloud(everything, size, rng))
    for _ in range(num_turns):
        about = rng.choice([pool for pool in (words, words, widgets) if pool] or [[]])
        if not about:
            break
        label = about.pop(rng.randrange(len(about)))
        quoted = f'"{label.text}"' if about is words else f"the {label.text}"
        point = _point(label, size)
        if rng.random() < 0.6:
            turns.append(Turn(f"Where is {quoted}?", point))
        else:
            turns.append(Turn(f"What is at {point}?", label.text))
    if not turns:
        return None
    return Conversation(system=SYSTEM, picture=picture, turns=tuple(turns), source="questions")


def _read_aloud(words: Sequence[Label], size: tuple[int, int], rng: random.Random) -> Turn:
    """A dozen words in the order of the page, from one on: many answers for one look."""
    start = rng.randrange(len(words))
    aloud = " ".join(word.text for word in words[start : start + READ_ALOUD_WORDS])
    return Turn(f"Read from {_point(words[start], size)}.", aloud)


def _asked_for(labels: Sequence[Label]) -> list[Label]:
    """Those whose text is on the page once and is not too long."""
    counts = Counter(label.text for label in labels)
    return [
        label
        for label in labels
        if counts[label.text] == 1 and len(label.text) <= MAX_ANSWER_CHARACTERS
    ]


def _point(label: Label, size: tuple[int, int]) -> str:
    x, y = label.center
    return f"x={min(x / size[0], 0.99):.2f}, y={min(y / size[1], 0.99):.2f}"
