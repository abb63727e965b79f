"""What a prompt may know of an earlier step.

The live loop fills it from what just happened, the exporter from the log. Both
hand it to the same prompt builder, so a training sample is the prompt of the
live step, byte for byte.
"""

from dataclasses import dataclass

from PIL import Image


@dataclass(frozen=True, slots=True, kw_only=True)
class PastStep:
    number: int
    """Counted from 1."""
    thought: str
    sentence: str
    """The action in words; empty if the answer could not be read."""
    error: str = ""
    """Why the answer, or the rest of it, was not performed; empty if all of it was."""
    unchanged: bool = False
    """The screen after it is the screen it was decided on, pixel for pixel."""
    told: str = ""
    """What a person said to the policy after it; a line each time."""
    image: Image.Image | None = None
    """What the step was decided on; None once no prompt will show it again."""
