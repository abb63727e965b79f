"""A step that was done elsewhere, into a log of ours: as if it had been done here."""

from collections.abc import Sequence
from io import BytesIO
from typing import Any

from PIL import Image

from agent.parser import Parsed
from agent.proposals import as_record
from trajectories.schema import Intent, Observation, Outcome
from trajectories.store import RunStore


def write_seen(store: RunStore, number: int, png: bytes, taken_at: float = 0.0) -> None:
    """The look of a step.

    Args:
        number: counted from 1 within the episode.
        taken_at: seconds since the epoch; 0 where nobody knows.
    """
    with Image.open(BytesIO(png)) as image:
        width, height = image.size
    store.append(
        Observation(
            step=number,
            image=store.store_image(png),
            width=width,
            height=height,
            taken_at=taken_at,
            capture_seconds=0.0,
            settle_seconds=0.0,
            settled=True,
        )
    )


def write_done(
    store: RunStore, number: int, response: str, parsed: Parsed, actions: Sequence[dict[str, Any]]
) -> None:
    """The answer of a step, and that all of it was performed."""
    store.append(
        Intent(
            step=number,
            response=response,
            thought=parsed.thought,
            sentence=parsed.sentence,
            proposals=[as_record(proposal) for proposal in parsed.proposals],
            actions=list(actions),
        )
    )
    store.append(Outcome(step=number, performed=len(actions)))
