"""What happens from step to step: a screen, an answer to it, what of it was done.

Stop and pause are looked at before every action, between the pieces of an answer
and while the screen settles. After a pause the screen is looked at again: what was
answered before is not done. Nor is a click whose target changed meanwhile.
"""

import time
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image

from agent import parser, second_look
from agent.approval import Request
from agent.chronicle import Chronicle
from agent.errors import AgentError, GroundingError, ParseError, PolicyFailed
from agent.events import Ending
from agent.meant import Meant, after_answer, meant_by
from agent.memory import Memory
from agent.parser import Parsed
from agent.policy import LooksAhead
from agent.prompts import opening_to_come, render
from agent.proposals import Finish, Proposal, WaitFor
from env.actions import Action
from env.desktop import Settled, wait_until_settled
from env.errors import ActionCut, ActionRefused, DesktopLost
from env.screen import Screenshot
from model.errors import ModelError
from model.messages import Completion, Sampling
from trajectories.errors import DiskFull
from trajectories.reading import Episode as EpisodeRecord
from trajectories.reading import remembered

if TYPE_CHECKING:
    from agent.loop import Loop

PAUSED_MEANWHILE = "there was a pause before this; it was not performed"
"""What the model is told of the rest of an answer."""


class Over(Exception):
    """The episode has its ending."""

    def __init__(self, ending: Ending, reason: str) -> None:
        super().__init__(reason)
        self.ending = ending
        self.reason = reason


class _LookAnew(Exception):
    """There was a pause: the answer is to a screen that may be another by now."""


class _Seen(NamedTuple):
    screenshot: Screenshot
    name: str
    """In the store; the same pixels have the same name."""


class Episode:
    """What changes from step to step."""

    def __init__(self, loop: "Loop", chronicle: Chronicle, instruction: str) -> None:
        self.step = 0
        self.chronicle = chronicle
        self._loop = loop
        self._config = loop.config
        self._instruction = instruction
        self._memory = Memory(loop.config.style.most_screenshots)
        self._num_unparseable = 0
        self._num_repeats = 0
        self._last: tuple[tuple[Proposal, ...], str] | None = None
        self._done: list[tuple[tuple[Proposal, ...], str]] = []
        """What was done to its end, and on which screen."""
        self._last_seen = ""
        self._num_pauses = 0
        """That were waited out."""
        self._num_held_back = 0
        """Clicks in a row that were not done since their target had changed."""

    def recall(self, interrupted: EpisodeRecord) -> None:
        """What was seen and said before the process died."""
        steps = [step for step in interrupted.steps if step.intent is not None]
        self._memory.recall(remembered(steps))
        if steps:
            self.step = steps[-1].number
            self._last_seen = steps[-1].observation.image

    def play(self) -> Over:
        try:
            self._loop.desktop.heed(self._loop.control)
            while self.step < self._config.max_steps:
                self._look_ahead()
                self._one_step()
        except Over as over:
            if over.ending is Ending.STOPPED:
                self.chronicle.stopped(self.step)
            return over
        except DesktopLost as error:
            return Over(Ending.DESKTOP_LOST, str(error))
        except (PolicyFailed, ModelError) as error:
            return Over(Ending.POLICY_FAILED, str(error))
        except DiskFull as error:
            return Over(Ending.DISK_FULL, str(error))
        return Over(Ending.STEP_LIMIT, f"{self.step} steps taken")

    def _one_step(self) -> None:
        seen, completion = self._answered()
        self._note("advice", self._loop.advisor())
        self._note("labels", self._loop.labeller())
        try:
            meant = meant_by(completion, self._loop.desktop.size)
        except (ParseError, GroundingError) as error:
            self._tell_unusable(completion, seen, error)
            return
        self._num_unparseable = 0
        meant = self._not_again(meant, seen)
        approved = self._approved(meant, seen)
        if approved is None:
            return
        parsed = approved.parsed
        self.chronicle.intended(self.step, approved)
        error_text = self._act(approved.actions, seen)
        if not error_text:
            self._done.append((parsed.proposals, seen.name))
        self._remember(parsed, error_text, seen)
        self._end_if_stopped()
        self._end_if_over(parsed.proposals, seen, error_text)

    def _look_ahead(self) -> None:
        """While the screen shows what the last action did to it."""
        policy = self._loop.policy
        if not isinstance(policy, LooksAhead):
            return
        if opening := opening_to_come(self._config.style, self._memory.steps):
            policy.prepare(opening)

    def _answered(self) -> tuple[_Seen, Completion]:
        """A screen, and the answer to it."""
        seen = self._observe(self.step + 1)
        while True:
            try:
                completion = self._ask(seen.screenshot.image)
            except _LookAnew:
                # The same step: its first look counts for nothing.
                seen = self._observe(self.step)
            else:
                self._last_seen = seen.name
                return seen, completion

    def _observe(self, step: int) -> _Seen:
        settled = self._look()
        # A page may end late, and put its cover on while the screen settles.
        if self.step and self._loop.is_over():
            raise Over(Ending.ENVIRONMENT_OVER, "the task ended")
        if self._memory.steps:
            for text in self._loop.hear():
                self.chronicle.guarded(self.step, "told", text)
                self._memory.told(text)
        self.step = step
        name = self.chronicle.observed(self.step, settled)
        self._memory.last_step_changed(name != self._last_seen)
        return _Seen(settled.screenshot, name)

    def _look(self) -> Settled:
        """The screen at rest, and nobody paused meanwhile."""
        while True:
            self._wait_out_pauses()
            settled = wait_until_settled(
                self._loop.desktop,
                ceiling_seconds=self._config.settle_ceiling_seconds,
                between=self._end_if_stopped,
                seen=self.chronicle.glimpsed,
            )
            self._end_if_stopped()
            if not self._was_paused():
                return settled

    def _wait_out_pauses(self) -> None:
        self._end_if_stopped()
        if not self._was_paused():
            return
        control = self._loop.control
        while self._was_paused():
            for pause in control.pauses[self._num_pauses :]:
                self.chronicle.paused(self.step, pause)
                self._num_pauses += 1
            announced = pause
            control.wait_while_paused()
            if (last := control.pauses[self._num_pauses - 1]) != announced:
                self.chronicle.paused(self.step, last)
        self.chronicle.went_on(self.step)
        self._end_if_stopped()

    def _was_paused(self) -> bool:
        return len(self._loop.control.pauses) > self._num_pauses

    def _not_again(self, meant: Meant, seen: _Seen) -> Meant:
        """That, unless it was done on this very screen and the model can say something else."""
        for number in range(self._config.other_answers):
            if (meant.parsed.proposals, seen.name) not in self._done:
                break
            if all(isinstance(each, WaitFor | Finish) for each in meant.parsed.proposals):
                break
            sampling = replace(self._config.sampling, temperature=1.0, seed=number)
            try:
                completion = self._ask(seen.screenshot.image, sampling)
                other = meant_by(completion, self._loop.desktop.size)
            except _LookAnew:
                break
            except (ParseError, GroundingError):
                continue
            self.chronicle.noted(self.step, "again", meant.code)
            meant = other
        return meant

    def _ask(self, image: Image.Image, sampling: Sampling | None = None) -> Completion:
        messages = render(self._config.style, self._instruction, self._memory.steps, image)
        asked = time.monotonic()
        completion = self._loop.policy.complete(
            messages, sampling=sampling or self._config.sampling, on_text=self._on_text
        )
        seconds = {**completion.seconds, "model": time.monotonic() - asked}
        self.chronicle.answered(seconds)
        return replace(completion, seconds=seconds)

    def _on_text(self, text: str) -> None:
        self._end_if_stopped()
        if self._was_paused():
            raise _LookAnew
        self.chronicle.streamed(self.step, text)

    def _note(self, kind: str, text: str | None) -> None:
        if text is not None:
            self.chronicle.noted(self.step, kind, text)

    def _end_if_stopped(self) -> None:
        if (reason := self._loop.control.stopped) is not None:
            raise Over(Ending.STOPPED, reason)

    def _approved(self, meant: Meant, seen: _Seen) -> Meant | None:
        """What may be done: that, or what a person put in its place; None: nothing of it."""
        if self._loop.approver is None:
            return meant
        asked = time.monotonic()
        answer = self._loop.approver(
            Request(
                step=self.step,
                parsed=meant.parsed,
                code=meant.code,
                actions=meant.actions,
                screenshot=seen.screenshot,
            )
        )
        self.chronicle.answered({"approval": time.monotonic() - asked})
        self._end_if_stopped()
        approved = after_answer(meant, answer, self._loop.desktop.size)
        if isinstance(approved, Meant):
            if approved is not meant:
                self.chronicle.guarded(self.step, "edited", meant.completion.text)
            return approved
        self.chronicle.declined(self.step, meant, approved.reason)
        self._remember(meant.parsed, approved.reason, seen)
        return None

    def _remember(self, parsed: Parsed, error: str, seen: _Seen) -> None:
        self._memory.remember(
            thought=parsed.thought,
            sentence=parsed.sentence,
            error=error,
            image=seen.screenshot.image,
        )

    def _tell_unusable(self, completion: Completion, seen: _Seen, error: AgentError) -> None:
        """The model's mistake: it is told, and asked again."""
        reason = str(error)
        self.chronicle.unusable(self.step, completion, reason)
        thought, sentence = parser.said(completion.text)
        image = seen.screenshot.image
        self._memory.remember(thought=thought, sentence=sentence, error=reason, image=image)
        self._num_unparseable += 1
        if self._num_unparseable >= self._config.max_unparseable:
            raise Over(Ending.UNPARSEABLE, reason)

    def _act(self, actions: tuple[Action, ...], seen: _Seen) -> str:
        """Perform the actions; gives why it ended early, or an empty string."""
        began = time.monotonic()
        refused = None
        performed = 0
        try:
            for action in actions:
                self._end_if_stopped()
                if self._was_paused():
                    refused = PAUSED_MEANWHILE
                    break
                # Later ones are meant for a screen that the first has changed.
                if not performed and (refused := self._held_back(action, seen)):
                    break
                self._loop.desktop.perform(action)
                performed += 1
        except (ActionRefused, ActionCut) as error:
            refused = str(error)
        finally:
            # Also when stopped or when the screen is lost: the log says how far it came.
            seconds = time.monotonic() - began
            self.chronicle.acted(self.step, actions[:performed], refused, seconds)
        return refused or ""

    def _held_back(self, action: Action, seen: _Seen) -> str | None:
        """Why it is not to be done now."""
        if not self._config.look_again:
            return None
        image = seen.screenshot.image
        target = second_look.changed_target(action, image, self._loop.desktop)
        if target is None:
            self._num_held_back = 0
            return None
        if self._num_held_back == self._config.look_again:
            self._num_held_back = 0
            self.chronicle.noted(self.step, "restless", f"({target.x}, {target.y}) changes on")
            return None
        self._num_held_back += 1
        return f"the screen changed around ({target.x}, {target.y}) since you looked; look again"

    def _end_if_over(self, proposals: tuple[Proposal, ...], seen: _Seen, error: str) -> None:
        """Asked before looking again: MiniWoB++ covers a page that has ended."""
        if self._loop.is_over():
            raise Over(Ending.ENVIRONMENT_OVER, "the task ended")
        last = proposals[-1]
        if isinstance(last, Finish) and not error:
            said = last.answer or ("the model says done" if last.success else "the model gave up")
            raise Over(Ending.DONE if last.success else Ending.FAILED, said)
        this = (proposals, seen.name)
        self._num_repeats = self._num_repeats + 1 if this == self._last else 1
        self._last = this
        if self._num_repeats >= self._config.max_repeats:
            raise Over(
                Ending.REPEATED, f"the same action on the same screen {self._num_repeats} times"
            )
