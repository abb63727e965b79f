"""Writes down and announces what an episode does: one log record, one event, in that order.

Also the account of where the time went.
"""

import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Protocol

from agent.control import Pause
from agent.events import (
    Emit,
    EpisodeEnded,
    EpisodeResult,
    EpisodeStarted,
    Glimpsed,
    Observed,
    Paused,
    Performed,
    Proposed,
    Refused,
    Resumed,
    TextStreamed,
)
from agent.meant import Meant
from agent.parser import said
from agent.proposals import as_record
from env.actions import Action
from env.desktop import Settled
from env.screen import Screenshot, ScreenSize
from model.messages import Completion
from trajectories import action_json
from trajectories.schema import (
    EpisodeEnd,
    EpisodeStart,
    Guard,
    Intent,
    Note,
    Observation,
    Outcome,
    Record,
    Stop,
)


class EpisodeLog(Protocol):
    """What an episode needs of `trajectories.store.RunStore`."""

    def append(self, record: Record, *, sync: bool = False) -> None: ...
    def store_image(self, png: bytes) -> str: ...


class Chronicle:
    """Of one episode. Every method raises what the log raises, and then nothing was announced."""

    def __init__(self, log: EpisodeLog, emit: Emit) -> None:
        self._log = log
        self._emit = emit
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._began = time.monotonic()
        self._before_the_first_look: list[Record] = []

    def seconds(self) -> dict[str, float]:
        """So far, by part: see `EpisodeResult.seconds`."""
        spent = {**self._seconds, "total": time.monotonic() - self._began}
        return {part: round(seconds, 4) for part, seconds in spent.items()}

    def started(self, *, task: str, seed: int | None, instruction: str, size: ScreenSize) -> None:
        self._log.append(
            EpisodeStart(
                task=task,
                seed=seed,
                instruction=instruction,
                width=size.width,
                height=size.height,
                started_at=time.time(),
            )
        )
        self.resumed(task=task, seed=seed, instruction=instruction, size=size)

    def resumed(self, *, task: str, seed: int | None, instruction: str, size: ScreenSize) -> None:
        """Announced only: its record is in the log from before."""
        self._emit(EpisodeStarted(task=task, seed=seed, instruction=instruction, size=size))

    def glimpsed(self, screenshot: Screenshot) -> None:
        """Announced only."""
        self._emit(Glimpsed(screenshot=screenshot))

    def observed(self, step: int, settled: Settled) -> str:
        """Keeps the screenshot; gives its name in the store."""
        waited = settled.seconds - settled.capture_seconds
        self._seconds["capture"] += settled.capture_seconds
        self._seconds["settle"] += waited
        screenshot = settled.screenshot
        image = self._log.store_image(screenshot.png())
        self._log.append(
            Observation(
                step=step,
                image=image,
                width=screenshot.size.width,
                height=screenshot.size.height,
                taken_at=screenshot.taken_at,
                capture_seconds=round(settled.capture_seconds, 4),
                settle_seconds=round(waited, 4),
                settled=settled.still,
            )
        )
        for record in self._before_the_first_look:
            self._log.append(record)
        self._before_the_first_look.clear()
        self._emit(
            Observed(
                step=step,
                screenshot=screenshot,
                seconds=settled.seconds,
                capture_seconds=settled.capture_seconds,
                image=image,
            )
        )
        return image

    def streamed(self, step: int, text: str) -> None:
        self._emit(TextStreamed(step=step, text=text))

    def answered(self, seconds: dict[str, float]) -> None:
        for part, spent in seconds.items():
            self._seconds[part] += spent

    def noted(self, step: int, kind: str, text: str) -> None:
        self._log.append(Note(step=step, kind=kind, text=text))

    def guarded(self, step: int, kind: str, text: str) -> None:
        self._log.append(Guard(step=step, kind=kind, text=text))

    def declined(self, step: int, meant: Meant, reason: str) -> None:
        """A person did not want it: nothing of it is performed."""
        self.intended(step, meant)
        self._log.append(Outcome(step=step, performed=0, refused=reason))
        self._emit(Refused(step=step, reason=reason))

    def intended(self, step: int, meant: Meant) -> None:
        """On disk when this returns: only then may anything be performed."""
        completion, parsed, actions = meant
        intent = _intent(step, completion, parsed.thought, parsed.sentence)
        intent.proposals.extend(as_record(proposal) for proposal in parsed.proposals)
        intent.actions.extend(action_json.encode(action) for action in actions)
        self._log.append(intent, sync=True)
        self._emit(
            Proposed(
                step=step,
                thought=parsed.thought,
                sentence=parsed.sentence,
                proposals=parsed.proposals,
                actions=actions,
                seconds=completion.seconds["model"],
                completion=completion,
            )
        )

    def unusable(self, step: int, completion: Completion, reason: str) -> None:
        """An answer that proposes nothing that can be done."""
        self._log.append(_intent(step, completion, *said(completion.text)))
        self._log.append(Outcome(step=step, performed=0, refused=reason))
        self._emit(Refused(step=step, reason=reason))

    def acted(
        self, step: int, performed: Sequence[Action], refused: str | None, seconds: float
    ) -> None:
        """
        Args:
            refused: why the next action was not performed; None: all were, or it was stopped.
        """
        self._seconds["act"] += seconds
        self._log.append(
            Outcome(
                step=step, performed=len(performed), refused=refused, act_seconds=round(seconds, 4)
            )
        )
        if performed:
            self._emit(Performed(step=step, actions=tuple(performed), seconds=seconds))
        if refused is not None:
            self._emit(Refused(step=step, reason=refused))

    def paused(self, step: int, pause: Pause) -> None:
        """A takeover is in the log for good: exports leave such episodes out."""
        if pause.takeover:
            self._write(Guard(step=max(step, 1), kind="takeover", text=pause.reason), step)
        self._write(Note(step=max(step, 1), kind="pause", text=pause.reason), step)
        self._emit(Paused(step=step, reason=pause.reason, takeover=pause.takeover))

    def went_on(self, step: int) -> None:
        self._write(Note(step=max(step, 1), kind="resume", text=""), step)
        self._emit(Resumed(step=step))

    def _write(self, record: Guard | Note, step: int) -> None:
        """It belongs to a step, so before there is one it waits for the first."""
        if step:
            self._log.append(record)
        else:
            self._before_the_first_look.append(record)

    def stopped(self, step: int) -> None:
        self._log.append(Stop(step=step, at=time.time()))

    def ended(self, result: EpisodeResult) -> None:
        self._log.append(
            EpisodeEnd(
                ending=result.ending.name,
                score=result.score,
                reason=result.reason,
                seconds=result.seconds["total"],
            ),
            sync=True,
        )
        self._emit(EpisodeEnded(result=result))


def _intent(step: int, completion: Completion, thought: str, sentence: str) -> Intent:
    return Intent(
        step=step,
        response=completion.text,
        thought=thought,
        sentence=sentence,
        token_ids=list(completion.token_ids),
        log_probs=list(completion.log_probs),
        num_prompt_tokens=completion.num_prompt_tokens,
        num_reused_tokens=completion.num_reused_tokens,
        num_prepared_tokens=completion.num_prepared_tokens,
        seconds={part: round(spent, 4) for part, spent in completion.seconds.items()},
    )
