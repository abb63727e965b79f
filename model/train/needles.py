"""Needles in haystacks: one line among thousands, one screen among many, to be found again.

Long texts that ask for nothing far away teach no long memory; these ask for nothing else. A
needle stands anywhere, so that no depth is privileged.
"""

import random
from collections.abc import Sequence

from PIL import Image

from model.train.draws import Row
from model.train.questions import SYSTEM, words_of
from model.train.samples import Conversation, LabelledPage, Turn, labels_from

KEY_LETTERS, VALUE_LETTERS = "bcdfghjklmnpqrstvwxz", "0123456789"
FEWEST_LINES, TOKENS_A_LINE = 5, 27
"""A line of six words of `env.miniwob.specimen`; measured with nano's vocabulary: 26.2."""
FAR = 0.35
"""A power below 1 brings numbers between 0 and 1 near to 1."""
FEWEST_QUESTIONS, LINES_A_QUESTION = 3, 40
"""A long text is costly to take in, so more is asked about it: something of every 1,000 tokens."""


def haystack(rng: random.Random, words: Sequence[str], num_lines: int) -> list[str]:
    """Lines of common words, each a little different."""
    return [" ".join(rng.choices(words, k=6)) + "." for _ in range(num_lines)]


def needle(rng: random.Random) -> tuple[str, str]:
    """A name and its number, met nowhere else."""
    name = "".join(rng.choices(KEY_LETTERS, k=4))
    return name, "".join(rng.choices(VALUE_LETTERS, k=6))


def said(name: str, number: str) -> str:
    return f"The number of {name} is {number}."


def question(name: str) -> str:
    return f"What is the number of {name}?"


class NeedleSource:
    """A text with a few numbers in it, then questions about them."""

    def __init__(self, words: Sequence[str], *, most_tokens: int, far: bool = False) -> None:
        """
        Args:
            most_tokens: the longest text, about; short ones are as likely as long ones, by
                their logarithm.
            far: half of the texts have more than a quarter of the most tokens.
        """
        self.words, self.far = words, far
        self.most_lines = max(FEWEST_LINES + 1, most_tokens // TOKENS_A_LINE)

    def __call__(self, rng: random.Random) -> Row:
        exponent = rng.random() ** (FAR if self.far else 1.0)
        num_lines = round(FEWEST_LINES * (self.most_lines / FEWEST_LINES) ** exponent)
        lines = haystack(rng, self.words, num_lines)
        num_questions = max(FEWEST_QUESTIONS, num_lines // LINES_A_QUESTION)
        needles = [needle(rng) for _ in range(num_questions)]
        for name, number in needles:
            lines.insert(rng.randrange(len(lines) + 1), said(name, number))
        # Said whole: from the name on, the answer goes on as the text did.
        turns = [Turn(question(name), said(name, number)) for name, number in needles]
        opening = Turn(f"{' '.join(lines)}\n{turns[0].prompt}", turns[0].answer)
        conversation = Conversation(
            system=SYSTEM, picture=None, turns=(opening, *turns[1:]), source="needles"
        )
        return conversation, None


class ScreenNeedleSource:
    """Several screens, then on which of them a word was."""

    def __init__(self, pages: Sequence[LabelledPage], *, most_screens: int) -> None:
        if len(pages) < most_screens:
            raise ValueError(f"{len(pages)} pages; expected at least {most_screens}")
        self.pages, self.most_screens = pages, most_screens

    def __call__(self, rng: random.Random) -> Row:
        while True:
            pages = rng.sample(self.pages, rng.randint(2, self.most_screens))
            written = [self._words(page) for page in pages]
            place = rng.randrange(len(pages))
            others = set().union(*(w for index, w in enumerate(written) if index != place))
            alone = sorted(written[place] - others)
            if alone:
                break
        turn = Turn(f'On which screen is "{rng.choice(alone)}"?', f"Screen {place + 1}.")
        *earlier, last = (page.picture for page in pages)
        conversation = Conversation(
            system=SYSTEM, picture=last, earlier=tuple(earlier), turns=(turn,), source="screens"
        )
        return conversation, labels_from(pages[-1].labels)["characters"]

    def _words(self, page: LabelledPage) -> set[str]:
        with Image.open(page.picture) as picture:
            size = picture.size
        words = words_of(labels_from(page.labels)["characters"])
        return {w.text for w in words if w.right <= size[0] and w.bottom <= size[1]}
