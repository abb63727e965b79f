"""One desktop and one policy, doing tasks that somebody gives, watches and steers.

The thread that runs the episodes takes tasks from `next_task`, and asks and listens through the
session; orders come from the threads of a channel. What happens is posted as reports.
"""

import threading
import time
from collections import deque
from collections.abc import Callable

import psutil

from agent.announce import asking, report_of
from agent.approval import ANSWER_SECONDS, Answer, Gate, Instead, No, Question, Yes
from agent.control import Control
from agent.events import (
    EpisodeStarted,
    Event,
    Glimpsed,
    Observed,
    Paused,
    Performed,
    Refused,
    Resumed,
    TextStreamed,
)
from agent.reports import (
    Answered,
    Began,
    Begin,
    Close,
    GoOn,
    Halt,
    Heard,
    Hold,
    Mood,
    OneStep,
    Order,
    Reply,
    Report,
    SetMode,
    State,
    Streamed,
    Tell,
    Trouble,
    Unattended,
)
from agent.safety import Mode
from agent.sent_pictures import SentPictures

LINGER_SECONDS = 300.0
"""A session with nothing to do and nobody watching stays so long, for who comes back."""
_LOOK_SECONDS = 0.2

_process = psutil.Process()


class Session:
    def __init__(
        self,
        post: Callable[[Report | Callable[[], Report | None]], None],
        *,
        mode: Mode = "risky",
        unattended: Unattended = "go on",
        is_watched: Callable[[], bool] = lambda: True,
        answer_seconds: float = ANSWER_SECONDS,
        linger_seconds: float = LINGER_SECONDS,
    ) -> None:
        """
        Args:
            post: takes a report, or what makes one in another thread, if there is one to make.
            unattended: what becomes of an episode when the last watcher goes.
            linger_seconds: see `next_task`.
        """
        self.control = Control()
        """Of the episode of now, or the last; a new one for each."""
        self.gate = Gate(mode=mode, ask=self._ask, seconds=answer_seconds, held=self._is_held)
        self._post = post
        self._pictures = SentPictures()
        self._unattended = unattended
        self._is_watched = is_watched
        self._linger_seconds = linger_seconds
        self._changed = threading.Condition(threading.RLock())
        self._tasks: deque[Begin] = deque(maxlen=1)
        self._busy = True
        self._closing = False
        self._is_single = False
        """The next action is asked about, and after it there is a pause."""
        self._said: list[str] = []
        self._held_meanwhile = False
        """Somebody asked for a pause while a question was open."""
        self._question: int | None = None
        self._reply: Reply | None = None
        self._folder = ""
        self._max_steps = 0
        self.say_mood("opening")

    def next_task(self) -> Begin | None:
        """Waits for a task; None: the session is to end."""
        with self._changed:
            self._busy = False
            self.say_mood("ready")
            alone_since = time.monotonic()
            while not self._tasks and not self._closing:
                if self._is_watched():
                    alone_since = time.monotonic()
                elif time.monotonic() - alone_since > self._linger_seconds:
                    self._closing = True
                self._changed.wait(_LOOK_SECONDS)
            if self._closing:
                self.say_mood("closing")
                return None
            self._busy = True
            self._said.clear()
            self._is_single = False
            self.control = Control()
            self.control.subscribe(self._wake)
            return self._tasks.popleft()

    def begins(self, task: Begin, folder: str) -> None:
        """Told by who runs it, before the episode's first event."""
        self._folder, self._max_steps = folder, task.max_steps

    def emit(self, event: Event) -> None:
        """The subscriber of the loop."""
        match event:
            case EpisodeStarted():
                report = Began(
                    task=event.task,
                    instruction=event.instruction,
                    max_steps=self._max_steps,
                    width=event.size.width,
                    height=event.size.height,
                    folder=self._folder,
                )
                self._post(report)
                self.say_mood("working")
            case Paused(reason=reason, takeover=takeover):
                self.say_mood("paused", "you have the desktop" if takeover else reason)
            case Resumed():
                self.say_mood("working")
            case TextStreamed(step=step, text=text):
                self._post(Streamed(step=step, text=text))
                return
            case Glimpsed(screenshot=screenshot):
                if self._is_watched():
                    self._post(lambda: self._pictures.glimpse(screenshot))
                return
            case Observed():
                self._post(lambda: self._pictures.saw(event))
                return
            case Performed() | Refused() if self._is_single:
                self._is_single = False
                self.control.pause("one step was done")
            case _:
                pass
        if not isinstance(event, EpisodeStarted | Paused | Resumed):
            folder = self._folder
            self._post(lambda: report_of(event, folder))

    def hear(self) -> list[str]:
        """What was told to the policy since the last time."""
        with self._changed:
            said, self._said = self._said, []
            return said

    def say_mood(self, mood: Mood, reason: str = "") -> None:
        mode = self.gate.mode
        megabytes = _process.memory_info().rss / 2**20
        self._post(
            lambda: State(mood=mood, reason=reason, mode=mode, megabytes=round(megabytes, 1))
        )

    def say_trouble(self, text: str) -> None:
        self._post(lambda: Trouble(text=text))

    def left_alone(self) -> None:
        """The last watcher went."""
        if self._unattended == "stop" and self._busy:
            self.control.stop("nobody is watching")

    def obey(self, order: Order) -> None:
        match order:
            case Begin():
                self._begin(order)
            case Halt():
                self.control.stop("stopped by the user")
            case Hold(takeover=takeover):
                self._held_meanwhile = True
                reason = "taken over" if takeover else "paused by the user"
                self.control.pause(reason, takeover=takeover)
            case GoOn():
                self._is_single = False
                self.control.resume()
            case OneStep():
                self._is_single = True
                self.control.resume()
            case Tell(text=text):
                with self._changed:
                    self._said.append(text)
                self._post(lambda: Heard(text=text))
            case Reply():
                with self._changed:
                    if order.number == self._question and self._reply is None:
                        self._reply = order
                        self._changed.notify_all()
            case SetMode(mode=mode):
                self.gate.mode = mode
                self.say_mood(self._mood_of_now())
            case Close():
                with self._changed:
                    self._closing = True
                    self.control.stop("the session is closed")
                    self._changed.notify_all()

    def _begin(self, order: Begin) -> None:
        with self._changed:
            if self._busy or self._tasks:
                self.say_trouble("a task is being done; stop it first")
                return
            self._tasks.append(order)
            self._changed.notify_all()

    def _mood_of_now(self) -> Mood:
        if not self._busy:
            return "ready"
        if self._question is not None:
            return "asking"
        return "working" if self.control.paused is None else "paused"

    def _is_held(self) -> bool:
        return self._is_single

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _ask(self, question: Question) -> Answer | None:
        """In the thread of the episode: while it waits here, its desktop gets no input from it."""
        seconds = question.seconds
        until = None if seconds is None else time.time() + seconds
        before, self._held_meanwhile = len(self.control.pauses), False
        with self._changed:
            self._question, self._reply = question.number, None
        self._post(lambda: asking(question, until))
        self.say_mood("asking")
        reply = self._wait_for_reply(seconds)
        answer = _answer_of(reply)
        if reply is not None and not self._held_meanwhile:
            # On a real desktop, what they answered by is what they take over by.
            self.control.overlook_pauses(before)
        words = _in_words(answer, self.control.stopped)
        self._post(lambda: Answered(number=question.number, words=words))
        self.say_mood("working")
        return answer

    def _wait_for_reply(self, seconds: float | None) -> Reply | None:
        began = time.monotonic()
        with self._changed:
            while self._reply is None and self.control.stopped is None:
                now = time.monotonic()
                if seconds is None and self._is_watched():
                    # Asked for by who watches, who may take all the time there is.
                    began = now
                elif now - began >= (self.gate.seconds if seconds is None else seconds):
                    break
                self._changed.wait(_LOOK_SECONDS)
            reply, self._reply, self._question = self._reply, None, None
            return reply


def _answer_of(reply: Reply | None) -> Answer | None:
    if reply is None:
        return None
    match reply.verdict:
        case "yes":
            return Yes()
        case "always":
            return Yes(always=True)
        case "no":
            return No(reply.text)
        case "instead":
            return Instead(reply.text)


def _in_words(answer: Answer | None, stopped: str | None) -> str:
    match answer:
        case None:
            return "no: nobody answered" if stopped is None else f"no: {stopped}"
        case Yes(always=True):
            return "yes, and of this kind from now on"
        case Yes():
            return "yes"
        case No(reason=reason):
            return f"no: {reason}" if reason else "no"
        case Instead():
            return "something else instead"
