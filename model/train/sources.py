"""Where a batch's rows come from: pages asked about, demonstrations followed by questions."""

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from PIL import Image

from model.train.draws import Row
from model.train.questions import READ_ALOUD_WORDS, SYSTEM, ask, words_of
from model.train.samples import (
    Conversation,
    Demonstration,
    Label,
    LabelledPage,
    Turn,
    labels_from,
)

TOGETHER = 16
"""Steps of one task that come one after another, if their prompts tell of earlier steps. With two
dozen a pack would be of one episode alone, with eight half of what they share is computed twice."""


class PageSource:
    """A page anywhere in the collection, with several questions; or a part of one, read aloud."""

    def __init__(
        self, pages: Sequence[LabelledPage], *, num_questions: int, window: int = 0
    ) -> None:
        """
        Args:
            window: side of the part that is shown, in pixels; 0: the whole page.
        """
        if not pages:
            raise ValueError("no labelled pages; expected at least one")
        self.pages, self.num_questions, self.window = pages, num_questions, window

    def __call__(self, rng: random.Random) -> Row:
        while True:
            page = rng.choice(self.pages)
            labels = labels_from(page.labels)
            with Image.open(page.picture) as picture:
                size = picture.size
            if self.window:
                return part_of(page.picture, size, labels["characters"], self.window, rng)
            conversation = ask(page.picture, size, labels, rng, self.num_questions)
            if conversation is not None:
                # No glyphs: nobody told where they are, which is not that there are none.
                return conversation, labels["characters"] or None


def part_of(
    picture: Path, size: tuple[int, int], glyphs: Sequence[Label], side: int, rng: random.Random
) -> Row:
    """A square of the page around one of its glyphs, and what is written in it."""
    left, top = 0, 0
    if glyphs:
        x, y = rng.choice(glyphs).center
        left = round(min(max(x - side / 2, 0), max(size[0] - side, 0)))
        top = round(min(max(y - side / 2, 0), max(size[1] - side, 0)))
    window = (left, top, min(left + side, size[0]), min(top + side, size[1]))
    inside = [
        Label(g.text, g.left - left, g.top - top, g.right - left, g.bottom - top)
        for g in glyphs
        if window[0] <= g.left and g.right <= window[2]
        if window[1] <= g.top and g.bottom <= window[3]
    ]
    aloud = " ".join(word.text for word in words_of(inside)[:READ_ALOUD_WORDS])
    turns = (Turn("Read.", aloud),)
    conversation = Conversation(
        system=SYSTEM, picture=picture, window=window, turns=turns, source="parts"
    )
    return conversation, inside


def without_doubles(steps: Sequence[Demonstration]) -> list[Demonstration]:
    """Each screen with its question and answer once; a picture is named by its content."""
    found: dict[tuple[object, ...], Demonstration] = {}
    for step in steps:
        asked = step.conversation
        name = None if asked.picture is None else asked.picture.name
        found.setdefault((name, asked.system, asked.turns), step)
    return list(found.values())


class DemonstrationSource:
    """A step of some task, every task as likely as another, then questions about its screen."""

    def __init__(
        self,
        steps: Sequence[Demonstration],
        *,
        num_questions: int,
        task_weights: Mapping[str, float] | None = None,
    ) -> None:
        """
        Args:
            steps: those of an episode one after another.
            task_weights: how much more often than others a task is drawn; 1 where not named.
        """
        if not steps:
            raise ValueError("no demonstrations; expected at least one")
        by_task: defaultdict[str, list[Demonstration]] = defaultdict(list)
        for step in steps:
            by_task[step.conversation.source].append(step)
        self.num_questions = num_questions
        self._tasks = sorted(by_task.items())
        # Longer tasks have more to learn, but not in proportion: their steps are alike.
        weights = task_weights or {}
        repeats = any(step.conversation.history for step in steps)
        self._num_together = TOGETHER if repeats else 1
        self._weights = [len(found) ** 0.5 * weights.get(task, 1.0) for task, found in self._tasks]

    def __call__(self, rng: random.Random) -> Row:
        return next(self.one_after_another(rng))

    def one_after_another(self, rng: random.Random) -> Iterator[Row]:
        """Steps whose prompts repeat one another come in the order they were done in, so that a
        pack has what they share once. From wherever in a task, and on from its last step to its
        first: so every step is as likely as another in every place."""
        while True:
            [(_, steps)] = rng.choices(self._tasks, self._weights)
            start = rng.randrange(len(steps))
            for place in range(start, start + self._num_together):
                yield self._asked(steps[place % len(steps)], rng)

    def _asked(self, step: Demonstration, rng: random.Random) -> Row:
        path = step.conversation.picture
        if step.labels is None or path is None:
            return step.conversation, None
        labels = labels_from(step.labels)
        with Image.open(path) as picture:
            size = picture.size
        asked = ask(path, size, labels, rng, self.num_questions)
        more = asked.turns if asked is not None else ()
        conversation = replace(step.conversation, turns=(*step.conversation.turns, *more))
        return conversation, labels["characters"]
