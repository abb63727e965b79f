"""What commands share that act on MiniWoB++, learn from that, and are measured on unseen seeds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from agent.collect import OpenPolicy
from agent.measure import Measurer


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningOptions:
    init: Annotated[str, "nano or a folder of weights to start from"] = "nano"
    seed: Annotated[int, "of everything drawn"] = 0
    max_steps: Annotated[int, "steps an episode"] = 12
    workers: Annotated[int, "processes, each with a browser and a model"] = 1

    def measurer(
        self, tasks: Sequence[str], episodes: int, number: int, open_policy: OpenPolicy
    ) -> Measurer:
        """
        Args:
            episodes: unseen seeds a task.
            number: of those seeds, as `eval --seed`.
        """
        return Measurer(
            tasks=tuple(tasks),
            episodes=episodes,
            seed=number,
            max_steps=self.max_steps,
            workers=self.workers,
            open_policy=open_policy,
        )
