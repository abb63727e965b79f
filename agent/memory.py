"""What the agent still knows of earlier steps: words of all, pictures of the last few."""

from collections.abc import Sequence
from dataclasses import replace

from PIL import Image

from trajectories.past import PastStep


class Memory:
    """The steps of one episode, oldest first. Pictures no prompt will show again are let go."""

    def __init__(self, num_screenshots: int) -> None:
        """Args:
        num_screenshots: pictures in a prompt, the one of now included.
        """
        self._num_pictures = num_screenshots - 1
        self._steps: list[PastStep] = []

    @property
    def steps(self) -> tuple[PastStep, ...]:
        return tuple(self._steps)

    def last_step_changed(self, changed: bool) -> None:
        """Whether the newest step, if there is one, left another screen than it was taken on."""
        if self._steps:
            self._steps[-1] = replace(self._steps[-1], unchanged=not changed)

    def told(self, text: str) -> None:
        """A person said something after the newest step."""
        told = "\n".join(filter(None, (self._steps[-1].told, text)))
        self._steps[-1] = replace(self._steps[-1], told=told)

    def remember(self, *, thought: str, sentence: str, error: str, image: Image.Image) -> None:
        self._add(
            PastStep(
                number=len(self._steps) + 1,
                thought=thought,
                sentence=sentence,
                error=error,
                image=image,
            )
        )

    def recall(self, steps: Sequence[PastStep]) -> None:
        """The steps of a log, as if they had been remembered one by one."""
        for step in steps:
            self._add(step)

    def _add(self, step: PastStep) -> None:
        self._steps.append(step if self._num_pictures else replace(step, image=None))
        forgotten = len(self._steps) - 1 - self._num_pictures
        if self._num_pictures and forgotten >= 0:
            self._steps[forgotten] = replace(self._steps[forgotten], image=None)
