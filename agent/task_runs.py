"""Scripted tasks run and judged: set up, looked at, acted on, judged, filed as OSWorld files them.

A step is one answer, as OSWorld counts. What is asked of a task's world is in
`agent.stages`; where results go, and what makes a kill harmless, in
`trajectories.results`; what they come to, in `agent.task_summary`.
"""

import json
import logging
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image
from pydantic import TypeAdapter

from agent.action_text import finish_text
from agent.collect import OpenPolicy
from agent.events import (
    Ending,
    EpisodeResult,
    Event,
    Performed,
    Proposed,
    Refused,
    both,
)
from agent.loop import Loop, LoopConfig, Score
from agent.policy import Policy, ScriptedPolicy, blind, near_sighted
from agent.prompts import style_named
from agent.proposals import Finish
from agent.stages import OpenStage, Stage, TaskFacts, TaskJob, Verdict
from env.desktop import wait_until_settled
from env.errors import EnvError
from model.messages import Sampling
from trajectories.film import write_recording
from trajectories.osworld import DONE, FAIL, LastLook, write_result
from trajectories.reading import read_run
from trajectories.results import RECORD, Results, TaskKey
from trajectories.store import RunStore

log = logging.getLogger(__name__)

NOT_THE_MODELS = (Ending.POLICY_FAILED, Ending.DESKTOP_LOST, Ending.DISK_FULL, Ending.STOPPED)
"""Endings that say nothing of the model: such an episode has no score, and is run again."""

SETTLE_SECONDS = 20.0
"""Most that is waited before judging; as long as OSWorld waits always."""

STILL_REACTIONS = 5
"""So many times its reaction time a screen has not changed that is at rest."""

FILES = "files"
"""A stage's own, while it is open."""

ORACLE, IDLE, GIVES_UP = "oracle", "idle", "gives-up"
ACTORS = {
    ORACLE: "what solves the task, where somebody wrote it",
    IDLE: "says done at once",
    GIVES_UP: "says at once that it cannot be done",
}
"""In the model's seat without being one: what a suite's graders are tried with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteConfig:
    """What makes two evaluations comparable; a folder holds results of one of these only."""

    suite: str
    model: str
    """A policy's name, or one of `ACTORS`."""
    weights: str = ""
    """Digest of the weights, so that results of two trainings are never mixed."""
    seed: int = 0
    """Of the sampler."""
    blind: bool = False
    """The policy sees black pictures."""
    longest_side_px: int | None = None
    """Pictures are shown to the policy no larger; None: as the screen is."""
    max_steps: int = 15
    style: str = "nano"
    exact: bool = False
    """OSWorld's flaws are kept; no episode ends early for going round in circles."""

    def __post_init__(self) -> None:
        if self.longest_side_px is not None and self.longest_side_px < 1:
            raise ValueError(f"a longest side of {self.longest_side_px}; expected 1 or more")

    @property
    def name(self) -> str:
        """In paths and tables."""
        return Path(self.model).name.replace("#", "-") + ("-blind" if self.blind else "")

    def loop(self, attempt: int = 0) -> LoopConfig:
        return LoopConfig(
            max_steps=self.max_steps,
            max_repeats=self.max_steps + 1 if self.exact else 5,
            style=style_named(self.style),
            sampling=Sampling(seed=self.seed + attempt),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRecord:
    """`episode.json`: one task's run, all that a summary needs."""

    domain: str
    task: str
    attempt: int = 0
    score: float | None
    """None: it could not be set up or judged; `reason` says why."""
    ending: str
    num_steps: int
    reason: str
    seconds: dict[str, float]
    """open and prepare (until the first look), capture, settle, act, finish and judge are the
    environment's; model is the model's; total is all of it."""
    ended_at: float
    """Seconds since the epoch."""
    infeasible: bool = False
    applications: tuple[str, ...] = ()
    digest: str = ""
    parts: tuple[dict[str, Any], ...] = ()
    instruction: str = ""

    @property
    def key(self) -> TaskKey:
        return TaskKey(self.domain, self.task, self.attempt)


RECORD_JSON = TypeAdapter(TaskRecord)


def key_of(job: TaskJob) -> TaskKey:
    return TaskKey(job.domain, job.task, job.attempt)


@dataclass(frozen=True, slots=True)
class OpenTaskRunner:
    """Opens a worker. Travels to its process by value."""

    config: SuiteConfig
    out: Path
    open_policy: OpenPolicy
    open_stage: OpenStage
    recording: str = "mp4"
    """"mp4", "webm" or "none"."""

    def __call__(self) -> AbstractContextManager[Callable[[TaskJob], TaskRecord | None]]:
        return self._opened()

    @contextmanager
    def _opened(self) -> Iterator[Callable[[TaskJob], TaskRecord | None]]:
        policy = None
        if self.config.model not in ACTORS:
            policy = self.open_policy(self.config.model)
            if self.config.blind:
                policy = blind(policy)
            if self.config.longest_side_px is not None:
                policy = near_sighted(policy, self.config.longest_side_px)
        yield TaskRunner(self.config, self.out, policy, self.open_stage, self.recording).run


class TaskRunner:
    """One worker's: runs a task after another and files what came out."""

    def __init__(
        self,
        config: SuiteConfig,
        out: Path,
        policy: Policy | None,
        open_stage: OpenStage,
        recording: str = "mp4",
    ) -> None:
        """
        Args:
            policy: None: one of `ACTORS`, as the config says.
        """
        self._config = config
        self._results = Results(out, config.name)
        self._policy = policy
        self._open_stage = open_stage
        self._recording = recording

    def run(self, job: TaskJob) -> TaskRecord | None:
        """None: it is finished already, or another process is at it."""
        with self._results.draft(key_of(job)) as draft:
            if draft is None:
                return None
            with _task_log(draft / "runtime.log"):
                record = self._attempt(job, draft)
                if record.ending == Ending.DESKTOP_LOST.name:
                    log.warning("%s: once more, on a new desktop", job.task)
                    record = self._attempt(job, draft)
            plain = json.dumps(asdict(record), indent=2, ensure_ascii=False)
            (draft / RECORD).write_text(plain + "\n", encoding="utf-8")
            self._results.publish(record.key, draft)
            return record

    def _attempt(self, job: TaskJob, draft: Path) -> TaskRecord:
        play = _Play(self._config, job, draft, self._recording)
        try:
            return play.record(self._open_stage, self._actor)
        except Exception as error:
            # A task's files are other people's. Whatever one of them breaks, the others go on,
            # and the record and runtime.log say what it was.
            log.exception("%s/%s", job.domain, job.task)
            return play.unscored(f"{type(error).__name__}: {error}")
        finally:
            shutil.rmtree(draft / FILES, ignore_errors=True)

    def _actor(self, stage: Stage) -> Policy:
        if self._policy is not None:
            return self._policy
        if self._config.model == ORACLE:
            return stage.oracle()
        gives_up = self._config.model == GIVES_UP
        return ScriptedPolicy([finish_text(not gives_up, words="It is over.")])


class _Play:
    """One task, once."""

    def __init__(self, config: SuiteConfig, job: TaskJob, draft: Path, recording: str) -> None:
        self._config = config
        self._job = job
        self._draft = draft
        self._recording = recording
        self._said: str | None = None
        self._last: LastLook | None = None
        self._facts = TaskFacts(instruction="")
        self._verdict = Verdict(score=None)
        self._seconds: dict[str, float] = {}
        self._began = self._marked = time.monotonic()

    def record(self, open_stage: OpenStage, actor: Callable[[Stage], Policy]) -> TaskRecord:
        """Raises: whatever the stage or the policy does; then it came to no episode."""
        with open_stage(self._job, self._draft / FILES) as stage:
            self._facts = stage.facts
            self._spent("open")
            policy = actor(stage)
            stage.prepare()
            self._spent("prepare")
            result, folder = self._episode(stage, policy)
        filing = time.monotonic()
        score = None if result.ending in NOT_THE_MODELS else result.score
        (episode,) = read_run(folder).episodes
        write_result(self._draft, episode, folder, score, self._last)
        if self._recording != "none":
            last = None if self._last is None else Image.open(BytesIO(self._last.png))
            write_recording(episode, self._draft / f"recording.{self._recording}", last)
        self._seconds["file"] = time.monotonic() - filing
        return self._as_record(result, score)

    def _episode(self, stage: Stage, policy: Policy) -> tuple[EpisodeResult, Path]:
        config = self._config.loop(self._job.attempt)
        settings = {"evaluation": asdict(self._config), "loop": config.settings()}
        with RunStore.create(self._draft, policy=self._config.name, settings=settings) as store:
            loop = Loop(
                policy,
                stage.desktop,
                store,
                config,
                both(self._listen, _write_down),
                judge=partial(self._judge, stage),
            )
            job = self._job
            name = f"{job.domain}/{job.task}"
            return loop.run(stage.facts.instruction, task=name, seed=job.attempt), store.folder

    def _listen(self, event: Event) -> None:
        """What the agent ended with; an answer that was refused ends nothing."""
        match event:
            case Proposed(proposals=(*_, Finish(success=success))):
                self._said = DONE if success else FAIL
            case Proposed() | Refused():
                self._said = None
            case _:
                pass

    def _judge(self, stage: Stage) -> Score:
        began = time.monotonic()
        still_seconds = STILL_REACTIONS * stage.desktop.reaction_seconds
        seen = wait_until_settled(
            stage.desktop, still_seconds=still_seconds, ceiling_seconds=SETTLE_SECONDS
        ).screenshot
        self._last = LastLook(seen.png(), seen.taken_at)
        try:
            stage.finish()
            self._seconds["finish"] = time.monotonic() - began
            self._verdict = stage.judge(self._said)
        except EnvError as error:
            log.warning("not judged: %s", error)
            self._verdict = Verdict(score=None, reason=str(error))
        self._seconds["judge"] = time.monotonic() - began - self._seconds.get("finish", 0.0)
        log.info("score %s %s", self._verdict.score, self._verdict.reason)
        return Score(self._verdict.score, self._verdict.reason)

    def _spent(self, part: str) -> None:
        now = time.monotonic()
        self._seconds[part] = now - self._marked
        self._marked = now

    def unscored(self, reason: str) -> TaskRecord:
        """The record of a task that came to nothing; a line of its own, as OSWorld writes it."""
        job = self._job
        line = json.dumps({"Error": f"{job.domain}/{job.task} - {reason}"}, ensure_ascii=False)
        with (self._draft / "traj.jsonl").open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        nothing = EpisodeResult(
            task=job.task,
            seed=job.attempt,
            ending=Ending.NOT_BEGUN,
            num_steps=0,
            score=None,
            reason=reason,
        )
        return self._as_record(nothing, None)

    def _as_record(self, result: EpisodeResult, score: float | None) -> TaskRecord:
        facts, job = self._facts, self._job
        spent = {**result.seconds, **self._seconds, "total": time.monotonic() - self._began}
        return TaskRecord(
            domain=job.domain,
            task=job.task,
            attempt=job.attempt,
            score=score,
            ending=result.ending.name,
            num_steps=result.num_steps,
            reason=self._verdict.reason or result.reason,
            seconds={part: round(seconds, 3) for part, seconds in spent.items()},
            ended_at=time.time(),
            infeasible=facts.infeasible,
            applications=facts.applications,
            digest=facts.digest,
            parts=tuple(dict(part) for part in self._verdict.parts),
            instruction=facts.instruction,
        )


def _write_down(event: Event) -> None:
    """Into runtime.log, what OSWorld's runners write there."""
    match event:
        case Proposed(step=step, thought=thought, sentence=sentence, actions=actions):
            log.info("step %d: %s | %s | %s", step, thought, sentence, actions)
        case Performed(step=step, seconds=seconds):
            log.info("step %d: performed in %.2f s", step, seconds)
        case Refused(step=step, reason=reason):
            log.info("step %d: refused: %s", step, reason)
        case _:
            pass


@contextmanager
def _task_log(path: Path) -> Iterator[None]:
    """What is logged meanwhile, in a file of the task's own."""
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    handler.setLevel(logging.INFO)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(min(level, logging.INFO))
    try:
        yield
    finally:
        root.setLevel(level)
        root.removeHandler(handler)
        handler.close()
