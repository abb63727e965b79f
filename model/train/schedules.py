"""The learning rate over a stage: from where the stage before left it, up, along, and down.

The paper's joint stages go on with the text run's schedule, its cooldown and its fine-tuning
warm up anew; so a stage says whether it `continues`, and what follows the warm-up.
"""

import math
from typing import Literal

Schedule = Literal["constant", "cosine", "linear"]
SCHEDULES = ("constant", "cosine", "linear")


def rate_at(
    step: int,
    *,
    steps: int,
    peak: float,
    warmup_steps: int,
    schedule: Schedule = "constant",
    final_rate: float = 0.0,
    cooldown_steps: int = 0,
    start_rate: float = 0.0,
) -> float:
    """Learning rate of the step, counted from 0.

    Args:
        schedule: after the warm-up, down to `final_rate` at the last step; "constant" stays.
        cooldown_steps: the last steps, over which whatever the schedule says goes linearly to 0.
        start_rate: where the warm-up begins; of the stage before, if this one continues it.
    """
    risen = min(1.0, (step + 1) / max(warmup_steps, 1))
    rate = start_rate + (peak - start_rate) * risen
    if risen == 1.0 and schedule != "constant":
        done = (step + 1 - warmup_steps) / max(steps - warmup_steps, 1)
        share = 1.0 - done if schedule == "linear" else (1.0 + math.cos(math.pi * done)) / 2
        rate = final_rate + (peak - final_rate) * share
    left = steps - step
    return rate * min(1.0, left / cooldown_steps) if cooldown_steps else rate
