"""A run read back: episodes, and steps with everything that belongs to them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from PIL import Image

from trajectories.errors import LogDamaged
from trajectories.log import records
from trajectories.past import PastStep
from trajectories.schema import (
    EpisodeEnd,
    EpisodeStart,
    Intent,
    Note,
    Observation,
    Outcome,
    Record,
    Run,
    Stop,
)
from trajectories.store import read_blob


@dataclass(slots=True, kw_only=True)
class Step:
    observation: Observation
    folder: Path
    """Of the run; where the screenshot is."""
    intent: Intent | None = None
    """None: the episode ended while the policy was asked."""
    outcome: Outcome | None = None
    """None with an intent: in doubt, the action may or may not have reached the screen."""
    advice: str | None = None
    """What an expert would have answered here."""
    labels: str | None = None
    """What can be read on the screenshot, the JSON of `agent.labels`."""

    @property
    def number(self) -> int:
        return self.observation.step

    def png(self) -> bytes:
        """Raises: BlobMissing."""
        return read_blob(self.folder, self.observation.image)

    def image(self) -> Image.Image:
        """Mode RGB. Raises: BlobMissing."""
        return Image.open(BytesIO(self.png())).convert("RGB")

    def as_past(self) -> PastStep:
        """This step as later prompts remember it, its image included."""
        assert self.intent is not None, f"step {self.number} has no answer to remember"
        return PastStep(
            number=self.number,
            thought=self.intent.thought,
            sentence=self.intent.sentence,
            error=(self.outcome.refused if self.outcome else None) or "",
            image=self.image(),
        )


@dataclass(slots=True, kw_only=True)
class Episode:
    start: EpisodeStart
    steps: list[Step] = field(default_factory=list)
    end: EpisodeEnd | None = None
    """None: the process died before it ended."""
    stopped: bool = False

    @property
    def success(self) -> bool:
        return self.end is not None and self.end.score is not None and self.end.score > 0

    @property
    def name(self) -> str:
        """The task, and the seed where it has one: "click-button 10000003"."""
        seed = "" if self.start.seed is None else f" {self.start.seed}"
        return f"{self.start.task}{seed}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    run: Run
    folder: Path
    episodes: Sequence[Episode]


def read_run(folder: Path) -> RunRecord:
    """Everything a run folder holds; a torn tail is left where it is.

    Raises:
        LogDamaged: the log is not a run's, or is damaged before its tail.
        OSError: it cannot be read.
    """
    stream = records((folder / "steps.log").read_bytes())
    run = next(stream, None)
    if not isinstance(run, Run):
        raise LogDamaged(f"{folder / 'steps.log'} does not begin with a RUN record")
    return RunRecord(run=run, folder=folder, episodes=list(episodes_of(stream, folder)))


def episodes_of(stream: Iterable[Record], folder: Path) -> Iterator[Episode]:
    """Records sorted into their episodes.

    Args:
        stream: what comes after a RUN record.
        folder: of the run; where the screenshots are.

    Raises:
        LogDamaged: a record that cannot stand where it stands.
    """
    episode: Episode | None = None
    for record in stream:
        if isinstance(record, EpisodeStart):
            if episode is not None:
                yield episode
            episode = Episode(start=record)
            continue
        if episode is None:
            raise LogDamaged(f"a {type(record).__name__} before the first episode of {folder}")
        _add(episode, record, folder)
    if episode is not None:
        yield episode


def _add(episode: Episode, record: Record, folder: Path) -> None:
    match record:
        case Observation():
            episode.steps.append(Step(observation=record, folder=folder))
        case Intent():
            _step(episode, record.step).intent = record
        case Outcome():
            _step(episode, record.step).outcome = record
        case Note(kind="advice"):
            _step(episode, record.step).advice = record.text
        case Note(kind="labels"):
            _step(episode, record.step).labels = record.text
        case Stop():
            episode.stopped = True
        case EpisodeEnd():
            episode.end = record
        case _:
            raise LogDamaged(f"a {type(record).__name__} inside an episode of {folder}")


def _step(episode: Episode, number: int) -> Step:
    if not episode.steps or episode.steps[-1].number != number:
        raise LogDamaged(f"a record of step {number} of {episode.name} without its observation")
    return episode.steps[-1]
