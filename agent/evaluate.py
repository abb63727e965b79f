"""Scripted evaluation: tasks x unseen seeds to a folder of results that can be gone on with.

Greedy, from pixels and the instruction, MiniWoB++'s native time limits off. A
finished episode is never run again; an episode whose screen was lost is not
finished. What an episode was, its log tells; what came out, `agent.summary`.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from agent.collect import OpenPolicy
from agent.events import EpisodeResult
from agent.loop import LoopConfig
from agent.miniwob import Job, MiniWob, loop_config
from agent.miniwob_browser import MiniWobBrowser
from agent.policy import Policy, blind
from trajectories.osworld import result_folder, write_result
from trajectories.reading import episodes_of
from trajectories.schema import EpisodeStart, Record
from trajectories.store import RunStore

STRICT_ABOVE = 0.8
"""Raw reward of a success that also counts as strict: tasks that pay for parts pay 1 for all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvalConfig:
    """What makes two evaluations comparable; a folder holds results of one of these only."""

    model: str
    """"expert", "nano" or a folder of weights."""
    weights: str = ""
    """Digest of the weights, so that results of two trainings are never mixed."""
    seed: int = 0
    """Of the round; see `agent.miniwob.evaluation_jobs`."""
    blind: bool = False
    """The policy sees black pictures."""
    max_steps: int = 30
    other_answers: int = 0
    """As `LoopConfig.other_answers`."""
    font: str = ""
    """That all pages are written in; empty: in their own."""

    @property
    def name(self) -> str:
        """In paths and tables."""
        return Path(self.model).name + ("-blind" if self.blind else "")

    def loop(self) -> LoopConfig:
        config = loop_config(max_steps=self.max_steps)
        return replace(config, other_answers=self.other_answers)


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeRecord:
    """`episode.json`: one finished episode, all that a summary needs."""

    task: str
    seed: int
    raw_reward: float | None
    """None: the screen was lost; the episode will be run again."""
    success: bool
    """raw_reward above 0, as MiniWoB++ results are counted."""
    strict: bool
    ending: str
    num_steps: int
    reason: str
    seconds: dict[str, float]
    run: str
    """Name of the run folder under `runs/` that has the log."""


_EPISODE_JSON = TypeAdapter(EpisodeRecord)


def finished(out: Path, config: EvalConfig, jobs: list[Job]) -> list[EpisodeRecord]:
    """What an earlier start of the same evaluation has left done."""
    found = []
    for job in jobs:
        folder = result_folder(out, config.name, job.task, str(job.seed))
        if (folder / "result.txt").exists():
            found.append(_EPISODE_JSON.validate_json((folder / "episode.json").read_bytes()))
    return found


@dataclass(frozen=True, slots=True)
class OpenEvaluator:
    """Opens a worker. Travels to its process by value."""

    config: EvalConfig
    out: Path
    open_policy: OpenPolicy

    def __call__(self) -> AbstractContextManager[Callable[[Job], EpisodeRecord]]:
        return evaluator(self.config, self.out, self.open_policy)


@contextmanager
def evaluator(
    config: EvalConfig, out: Path, open_policy: OpenPolicy
) -> Iterator[Callable[[Job], EpisodeRecord]]:
    """What runs one job after another and writes its results."""
    policy = None if config.model == "expert" else open_policy(config.model)
    if policy is not None and config.blind:
        policy = blind(policy)
    settings = {"evaluation": asdict(config), "loop": config.loop().settings()}
    with (
        # An episode lost in a power cut is run again; syncing each step would slow all the others.
        RunStore.create(
            out / "runs", policy=config.name, settings=settings, durable=False
        ) as store,
        MiniWobBrowser(tape := _Tape(store), font=config.font) as browser,
    ):
        yield _Evaluator(config, out, policy, browser, tape, store.folder).run


class _Tape:
    """Passes records on to the store and keeps those of the episode at hand."""

    def __init__(self, store: RunStore) -> None:
        self._store = store
        self.records: list[Record] = []

    def append(self, record: Record, *, sync: bool = False) -> None:
        if isinstance(record, EpisodeStart):
            self.records.clear()
        self._store.append(record, sync=sync)
        self.records.append(record)

    def store_image(self, png: bytes) -> str:
        return self._store.store_image(png)


class _Evaluator:
    """One worker's: plays a job and writes what came out."""

    def __init__(
        self,
        config: EvalConfig,
        out: Path,
        policy: Policy | None,
        browser: MiniWobBrowser,
        tape: _Tape,
        run_folder: Path,
    ) -> None:
        self._config = config
        self._out = out
        self._policy = policy
        self._browser = browser
        self._tape = tape
        self._run_folder = run_folder

    def run(self, job: Job) -> EpisodeRecord:
        record = self._record(self._browser.run(job, lambda world: self._play(job, world)))
        if record.raw_reward is not None:
            self._write(record)
        return record

    def _play(self, job: Job, world: MiniWob) -> EpisodeResult:
        return world.run(job, self._policy or world.expert(), self._config.loop())

    def _record(self, result: EpisodeResult) -> EpisodeRecord:
        assert result.seed is not None
        reward = result.score
        return EpisodeRecord(
            task=result.task,
            seed=result.seed,
            raw_reward=reward,
            success=reward is not None and reward > 0.0,
            strict=reward is not None and reward >= STRICT_ABOVE,
            ending=result.ending.name,
            num_steps=result.num_steps,
            reason=result.reason,
            seconds=result.seconds,
            run=self._run_folder.name,
        )

    def _write(self, record: EpisodeRecord) -> None:
        folder = result_folder(self._out, self._config.name, record.task, str(record.seed))
        folder.mkdir(parents=True, exist_ok=True)
        plain: dict[str, Any] = asdict(record)
        (folder / "episode.json").write_text(json.dumps(plain, indent=2) + "\n", encoding="utf-8")
        (episode,) = episodes_of(self._tape.records, self._run_folder)
        write_result(folder, episode, self._run_folder, 1.0 if record.success else 0.0)
