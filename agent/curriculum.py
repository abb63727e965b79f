"""Which problems are worth trying next: from easy to hard, and those that still fail more often.

Kimi k1.5 orders by labels of difficulty and samples by one minus the success rate; the label of a
task here is how often it was solved before learning began. What is never solved teaches nothing
(every attempt is as bad as the mean) and is left to the experts.
"""

import random
from collections.abc import Iterable, Sequence

from agent.miniwob import Job
from model.train.samples import Attempt

EASY_SHARE = 0.5
"""Of the tasks, the easiest, that the first iteration draws from."""
FEWEST_TASKS = 4
"""That an iteration draws from, where there are so many."""
HOPELESS_TRIES = 24
"""So many attempts without a success, and a task is left out."""


class Curriculum:
    def __init__(self, tasks: Sequence[str]) -> None:
        """
        Args:
            tasks: from easy to hard.
        """
        if not tasks:
            raise ValueError("no tasks; expected one or more to learn")
        self.tasks = tuple(tasks)
        self._won = dict.fromkeys(tasks, 0)
        self._tried = dict.fromkeys(tasks, 0)

    def rate(self, task: str) -> float:
        """How often it succeeded lately; a half before it was tried."""
        return (self._won[task] + 1) / (self._tried[task] + 2)

    def admitted(self, iteration: int, num_iterations: int) -> list[str]:
        """The easier ones first; all of them from half way on."""
        share = min(1.0, EASY_SHARE + iteration / max(num_iterations, 1))
        known = self.tasks[: max(FEWEST_TASKS, round(share * len(self.tasks)))]
        hopeful = [t for t in known if self._won[t] or self._tried[t] < HOPELESS_TRIES]
        return hopeful or list(known)

    def draw(
        self, count: int, iteration: int, num_iterations: int, first_seed: int, rng: random.Random
    ) -> list[Job]:
        """Problems for an iteration, each with a seed nothing else has.

        Args:
            first_seed: theirs are this and the next ones.
        """
        tasks = self.admitted(iteration, num_iterations)
        weights = [1.0 - self.rate(task) for task in tasks]
        chosen = rng.choices(tasks, weights, k=count)
        return [Job(task, first_seed + number) for number, task in enumerate(chosen)]

    def saw(self, attempts: Iterable[Attempt]) -> None:
        """What came of the last iteration; older ones count half as much."""
        for task in self.tasks:
            self._won[task] //= 2
            self._tried[task] //= 2
        for attempt in attempts:
            self._won[attempt.task] += attempt.reward > 0
            self._tried[attempt.task] += 1
