"""The process of a session: a desktop, a policy and a log, watched through a socket.

It has no terminal and outlives the screen that started it. `host` is its whole life;
`launch` starts one.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from agent.action_grammar import ACTIONS
from agent.channel import Channel
from agent.errors import AgentError
from agent.loop import LoopConfig
from agent.policy import Policy
from agent.prompts import AUTO, style_for
from agent.reports import Begin, Close, Opened, Unattended
from agent.safety import Mode
from agent.session import Session
from agent.watch import SUFFIX
from env.errors import EnvError
from env.real import RealSettings
from model.errors import ModelError
from model.messages import Sampling
from trajectories.errors import TrajectoryError
from trajectories.store import RunStore, new_run_id
from ui.aside import stand_up
from ui.interrupt import StopDoor
from ui.stages import Stage, open_stage

MAIN = Path(__file__).parents[1] / "main.py"
OPEN_SECONDS = 120.0
"""A session that has no socket by then will have none: imports take 5 s on a busy machine."""
_PR_SET_CHILD_SUBREAPER = 36

OpenPolicy = Callable[[str], Policy]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSetup:
    """What a session is started with."""

    desktop: str = "practice"
    model: str = "nano"
    style: str = AUTO
    constrained: bool = False
    url: str | None = None
    sandbox: bool = True
    network: bool = False
    real: RealSettings = field(default_factory=RealSettings)
    """Of the user's own screen."""
    mode: Mode = "risky"
    unattended: Unattended = "go on"
    answer_seconds: float = 120.0
    out: Path = Path("runs")

    def words(self) -> list[str]:
        """As words of the command line."""
        keys = self.real.stop_keys
        told = [
            f"--desktop={self.desktop}",
            f"--model={self.model}",
            f"--style={self.style}",
            f"--ask={self.mode}",
            f"--unattended={self.unattended}",
            f"--answer-seconds={self.answer_seconds:g}",
            f"--out={self.out}",
            f"--stop-key={keys.key}",
            f"--stop-within={keys.within_seconds:g}",
        ]
        if self.real.monitor is not None:
            told.append(f"--monitor={self.real.monitor}")
        if self.real.pointer:
            told.append("--pointer")
        if not self.sandbox:
            told.append("--no-sandbox")
        if self.network:
            told.append("--network")
        if self.url is not None:
            told.append(f"--url={self.url}")
        if self.constrained:
            told.append("--constrained")
        return told


def launch(setup: SessionSetup, folder: Path, environment: Mapping[str, str] | None = None) -> Path:
    """Start a session in a process of its own; gives the socket it will have.

    Args:
        folder: of the sockets, only the owner's. What the process complains about is kept there.
        environment: of the user's session; None: this process's.
    """
    socket = folder / f"{new_run_id()}{SUFFIX}"
    command = (sys.executable, str(MAIN), "host", str(socket), *setup.words())
    with socket.with_suffix(".log").open("wb") as complaints:
        # A session of its own: neither the terminal's Ctrl-C nor its end reaches it.
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=complaints,
            stderr=complaints,
            start_new_session=True,
        )
    # When it ends before us, nothing of it stays in the table of processes.
    threading.Thread(target=process.wait, name="session", daemon=True).start()
    return socket


def host(setup: SessionSetup, socket: Path, open_policy: OpenPolicy) -> None:
    """Be a session until it is closed, or has nothing to do and nobody watching.

    Raises:
        EnvError, ModelError, ValueError: the desktop or the model could not be opened. Whoever
            watches was told.
    """
    stand_up()
    keep_orphans()
    with ExitStack() as stack:
        left_alone: list[Callable[[], None]] = []
        channel = stack.enter_context(
            Channel(
                socket,
                lambda order: session.obey(order),
                left_alone=lambda: left_alone[0](),
            )
        )
        channel.post(
            lambda: Opened(
                session=socket.stem,
                pid=os.getpid(),
                model=setup.model,
                desktop=setup.desktop,
                unattended=setup.unattended,
            )
        )
        session = Session(
            channel.post,
            mode=setup.mode,
            unattended=setup.unattended,
            is_watched=lambda: channel.num_watchers > 0,
            answer_seconds=setup.answer_seconds,
        )
        left_alone.append(session.left_alone)
        signal.signal(signal.SIGTERM, _closing(session))
        try:
            stage = stack.enter_context(
                open_stage(
                    setup.desktop,
                    setup.url,
                    sandbox=setup.sandbox,
                    network=setup.network,
                    real=setup.real,
                )
            )
            policy = open_policy(setup.model)
        except (EnvError, ModelError, AgentError, ValueError, OSError) as error:
            session.say_trouble(str(error))
            raise
        _play_all(setup, stage, policy, session, stack)


def _play_all(
    setup: SessionSetup, stage: Stage, policy: Policy, session: Session, stack: ExitStack
) -> None:
    store: RunStore | None = None
    sampling = Sampling(constraint=ACTIONS if setup.constrained else None)
    while (task := session.next_task()) is not None:
        config = LoopConfig(
            max_steps=task.max_steps,
            style=style_for(setup.style, setup.model),
            sampling=sampling,
        )
        if store is None:
            store = stack.enter_context(
                RunStore.create(setup.out, policy=setup.model, settings=config.settings())
            )
        _play(task, stage, policy, store, config, session)


def _play(
    task: Begin,
    stage: Stage,
    policy: Policy,
    store: RunStore,
    config: LoopConfig,
    session: Session,
) -> None:
    session.begins(task, str(store.folder.absolute()))
    try:
        # Its hands have a door of their own; this one is heard while the model thinks.
        with StopDoor(session.control.stop, about=task.instruction):
            stage.play(task, policy, store, config, session)
    except (EnvError, AgentError, TrajectoryError, ValueError) as error:
        # Of this task only: a page with no such name, a desktop that went between two episodes.
        session.say_trouble(str(error))


def keep_orphans() -> None:
    """What an application of the desktop leaves behind stays a descendant of this process.

    So `agent.channel` can tell every program of the agent's desktop from the user's own.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def _closing(session: Session) -> Callable[[int, FrameType | None], None]:
    def close(number: int, frame: FrameType | None) -> None:
        session.obey(Close())

    return close
