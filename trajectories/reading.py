"""A run read back: episodes, and steps with everything that belongs to them."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path

from PIL import Image

from trajectories.errors import LogDamaged, RunNotBegun
from trajectories.log import LOG_NAME, records
from trajectories.past import PastStep
from trajectories.schema import (
    EpisodeEnd,
    EpisodeStart,
    Gap,
    Guard,
    Intent,
    Note,
    Observation,
    Outcome,
    Record,
    Run,
    Stop,
)
from trajectories.store import find_runs, read_blob

logger = logging.getLogger(__name__)

IN_DOUBT = "the run was interrupted here; this may have been performed or not"
"""What a later step is told of an intent without an outcome."""


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
    guards: list[Guard] = field(default_factory=list)

    @property
    def number(self) -> int:
        return self.observation.step

    @property
    def error(self) -> str:
        """Why the answer, or the rest of it, was not performed; empty if all of it was."""
        return IN_DOUBT if self.outcome is None else self.outcome.refused or ""

    def png(self) -> bytes:
        """Raises: BlobMissing."""
        return read_blob(self.folder, self.observation.image)

    def image(self) -> Image.Image:
        """Mode RGB. Raises: BlobMissing."""
        return Image.open(BytesIO(self.png())).convert("RGB")

    @property
    def told(self) -> str:
        """What a person said to the policy after this step, a line each time."""
        return "\n".join(guard.text for guard in self.guards if guard.kind == "told")

    def as_past(self) -> PastStep:
        """This step as later prompts remember it, its image included."""
        assert self.intent is not None, f"step {self.number} has no answer to remember"
        return PastStep(
            number=self.number,
            thought=self.intent.thought,
            sentence=self.intent.sentence,
            error=self.error,
            told=self.told,
            image=self.image(),
        )


@dataclass(slots=True, kw_only=True)
class Episode:
    start: EpisodeStart
    steps: list[Step] = field(default_factory=list)
    end: EpisodeEnd | None = None
    """None: the process died before it ended."""
    stopped: bool = False
    damaged: bool = False
    """A repair left out its end."""

    @property
    def guards(self) -> list[Guard]:
        return [guard for step in self.steps for guard in step.guards]

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
        RunNotBegun: the log holds nothing yet.
        LogDamaged: the log is not a run's, or is damaged before its tail.
        OSError: it cannot be read.
    """
    data = (folder / LOG_NAME).read_bytes()
    stream = records(data)
    run = next(stream, None)
    if run is None:
        raise RunNotBegun(f"{folder / LOG_NAME} holds no good record in {len(data)} bytes")
    if not isinstance(run, Run):
        raise LogDamaged(f"{folder / LOG_NAME} does not begin with a RUN record")
    return RunRecord(run=run, folder=folder, episodes=list(episodes_of(stream, folder)))


def remembered(steps: Sequence[Step]) -> list[PastStep]:
    """The answered steps as later prompts remember them, each with its image.

    Raises:
        BlobMissing.
    """
    past = []
    for step, after in zip(steps, [*steps[1:], None], strict=False):
        if step.intent is not None:
            unchanged = after is not None and after.observation.image == step.observation.image
            past.append(replace(step.as_past(), unchanged=unchanged))
    return past


def read_runs(path: Path) -> Iterator[RunRecord]:
    """Every run at or below a path, oldest first; what never began below it is passed over.

    Raises:
        RunNotFound: there is none.
        RunNotBegun, LogDamaged, OSError: as `read_run`, when it comes to it.
    """
    if (path / LOG_NAME).is_file():
        yield read_run(path)
        return
    for folder in find_runs(path):
        try:
            run = read_run(folder)
        except RunNotBegun as error:
            logger.info("passed over: %s", error)
            continue
        yield run


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
        match record:
            case EpisodeStart():
                if episode is not None:
                    yield episode
                episode = Episode(start=record)
            case Gap():
                if episode is not None:
                    episode.damaged = True
            case _ if episode is None:
                raise LogDamaged(f"a {type(record).__name__} before the first episode of {folder}")
            case _:
                _add(episode, record, folder)
    if episode is not None:
        yield episode


def _add(episode: Episode, record: Record, folder: Path) -> None:
    match record:
        case Observation():
            guards: list[Guard] = []
            if episode.steps and episode.steps[-1].number == record.step:
                # The process died, or was paused, while the policy was asked; it looked again.
                guards = _moved_on(episode, episode.steps.pop().guards)
            episode.steps.append(Step(observation=record, folder=folder, guards=guards))
        case Intent():
            _step(episode, record.step).intent = record
        case Outcome():
            _step(episode, record.step).outcome = record
        case Note(kind="advice"):
            _step(episode, record.step).advice = record.text
        case Note(kind="labels"):
            _step(episode, record.step).labels = record.text
        case Note(kind="pause" | "resume" | "restless" | "again"):
            pass
        case Guard():
            _step(episode, record.step).guards.append(record)
        case Stop():
            episode.stopped = True
        case EpisodeEnd():
            episode.end = record
        case _:
            raise LogDamaged(f"a {type(record).__name__} inside an episode of {folder}")


def _moved_on(episode: Episode, guards: list[Guard]) -> list[Guard]:
    """Those of a look that was taken again; what was said then is said after the step before."""
    if episode.steps:
        episode.steps[-1].guards += [guard for guard in guards if guard.kind == "told"]
    return [guard for guard in guards if guard.kind != "told"]


def _step(episode: Episode, number: int) -> Step:
    if not episode.steps or episode.steps[-1].number != number:
        raise LogDamaged(f"a record of step {number} of {episode.name} without its observation")
    return episode.steps[-1]
