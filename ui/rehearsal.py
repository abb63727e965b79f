"""A session that needs no model and no display: prepared answers on the form in memory.

For trying the cockpit, taking its picture and testing it. It lives in a thread of this process
and speaks through a real socket.
"""

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agent.channel import Channel
from agent.loop import Loop, LoopConfig
from agent.policy import ScriptedPolicy
from agent.reports import Close, Opened, Unattended
from agent.safety import Mode
from agent.session import Session
from env.desktop import Desktop
from env.fake import FakeDesktop
from model.messages import Completion, Message, OnText, Sampling
from trajectories.store import RunStore


class SlowPolicy:
    """Gives another policy's answers piece by piece, as a network does."""

    def __init__(self, policy: ScriptedPolicy, seconds_a_piece: float) -> None:
        self._policy = policy
        self._seconds = seconds_a_piece

    def complete(
        self, messages: Sequence[Message], *, sampling: Sampling, on_text: OnText | None = None
    ) -> Completion:
        completion = self._policy.complete(messages, sampling=sampling)
        if on_text is not None:
            for piece in completion.text.split(" "):
                time.sleep(self._seconds)
                on_text(f"{piece} ")
        return completion


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    socket: Path
    session: Session
    desktop: Desktop
    runs: Path


@contextmanager
def rehearsal(
    folder: Path,
    answers: Sequence[str],
    *,
    desktop: Desktop | None = None,
    mode: Mode = "risky",
    unattended: Unattended = "go on",
    answer_seconds: float = 120.0,
    seconds_a_piece: float = 0.0,
) -> Iterator[Rehearsal]:
    """
    Args:
        folder: of the socket and the runs; only the owner's.
        answers: for all tasks, in order.
    """
    desktop = desktop or FakeDesktop()
    path = folder / "rehearsal.session"
    channel = Channel(
        path, lambda order: session.obey(order), left_alone=lambda: session.left_alone()
    )
    channel.post(
        lambda: Opened(
            session=path.stem,
            pid=os.getpid(),
            model="rehearsal",
            desktop="fake",
            unattended=unattended,
        )
    )
    session = Session(
        channel.post,
        mode=mode,
        unattended=unattended,
        is_watched=lambda: channel.num_watchers > 0,
        answer_seconds=answer_seconds,
    )
    policy = SlowPolicy(ScriptedPolicy(answers), seconds_a_piece)
    store = RunStore.create(folder / "runs", policy="rehearsal", durable=False)

    def play() -> None:
        with store:
            while (task := session.next_task()) is not None:
                session.begins(task, str(store.folder))
                Loop(
                    policy,
                    desktop,
                    store,
                    LoopConfig(max_steps=task.max_steps),
                    session.emit,
                    control=session.control,
                    approver=session.gate,
                    hear=session.hear,
                ).run(task.instruction)

    thread = threading.Thread(target=play, name="rehearsal", daemon=True)
    thread.start()
    try:
        yield Rehearsal(socket=path, session=session, desktop=desktop, runs=folder / "runs")
    finally:
        session.obey(Close())
        thread.join(20.0)
        channel.close()
