"""Where a batch's rows come from: pages asked about, demonstrations followed by questions."""

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from PIL import Image

from model.train.questions import ask
from model.train.samples import Demonstration, LabelledPage, labels_from
from model.train.trainer import Row


class PageSource:
    """A page anywhere in the collection, with several questions."""

    def __init__(self, pages: Sequence[LabelledPage], *, num_questions: int) -> None:
        if not pages:
            raise ValueError("no labelled pages; expected at least one")
        self.pages, self.num_questions = pages, num_questions

    def __call__(self, rng: random.Random) -> Row:
        while True:
            page = rng.choice(self.pages)
            labels = labels_from(page.labels)
            with Image.open(page.picture) as picture:
                size = picture.size
            conversation = ask(page.picture, size, labels, rng, self.num_questions)
            if conversation is not None:
                return conversation, labels["characters"]


class DemonstrationSource:
    """A step of some task, every task as likely as another, then questions about its screen."""

    def __init__(self, steps: Sequence[Demonstration], *, num_questions: int) -> None:
        if not steps:
            raise ValueError("no demonstrations; expected at least one")
        by_task: defaultdict[str, list[Demonstration]] = defaultdict(list)
        for step in steps:
            by_task[step.conversation.source].append(step)
        self.num_questions = num_questions
        self._tasks = sorted(by_task.items())
        # Longer tasks have more to learn, but not in proportion: their steps are alike.
        self._weights = [len(found) ** 0.5 for _, found in self._tasks]

    def __call__(self, rng: random.Random) -> Row:
        [(_, steps)] = rng.choices(self._tasks, self._weights)
        step = rng.choice(steps)
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
