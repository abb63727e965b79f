"""A fine-tuning by several processes that are started here, each with one thread and its replica.

As `torchrun` would, without its agent: Ctrl-C reaches only who started them, who lets them end
their step and save. They end with that process too, however it ends. Two with a thread each take
5.3 s for a step of 24 screenshots where one with two threads takes 6.7, or 3.6 in bfloat16 on a
CPU that has instructions for it (nano, 2 cores of an AMD EPYC that others had
a part of, 2026-11-26).
"""

import multiprocessing
import os
import signal
import socket
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NamedTuple

from model.errors import ModelError
from model.train.data import TrainingData
from model.train.recipe import fine_tune
from model.train.samples import Setting, Watch
from model.train.stages import Stage

LOOK_SECONDS = 0.2
"""After a stop was asked for, until it is passed on."""


class ReplicaDied(ModelError):
    """A process of a training ended before its end; the message has what it said."""


class _Said(NamedTuple):
    text: str


class _Stepped(NamedTuple):
    stage: str
    num_steps: int
    row: dict[str, float]


class _Ended(NamedTuple):
    error: str
    """Empty: as it should, or asked to."""
    stopped: bool = False


class _Part(NamedTuple):
    """What a process is sent."""

    rank: int
    size: int
    port: int
    init: Path
    stage: Stage
    data: TrainingData
    out: Path


def fine_tune_together(
    size: int, init: Path, stage: Stage, data: TrainingData, out: Path, setting: Setting
) -> Path:
    """As `fine_tune`, by so many processes.

    Args:
        data: its own setting must be fit to be sent to a process; `setting`'s watch and words
            to the user stay here.

    Raises:
        ReplicaDied: one failed; the others are ended.
        KeyboardInterrupt: asked to stop; goes on from there when called again.
    """
    context = multiprocessing.get_context("spawn")
    port = _free_port()
    pipes: list[Connection] = []
    processes: list[BaseProcess] = []
    try:
        for rank in range(size):
            ours, theirs = context.Pipe()
            part = _Part(rank, size, port, init, stage, data, out)
            processes.append(context.Process(target=_take_part, args=(part, theirs), daemon=True))
            with _born_deaf():
                processes[-1].start()
            theirs.close()
            pipes.append(ours)
        stopped = _listen(pipes, setting)
        for process in processes:
            process.join()
    finally:
        for process, pipe in zip(processes, pipes, strict=True):
            if process.is_alive():
                process.terminate()
                process.join()
            pipe.close()
    if stopped:
        raise KeyboardInterrupt
    return out / "last"


def _listen(pipes: list[Connection], setting: Setting) -> bool:
    """Until all have ended; whether they were stopped before the training's end."""
    leader, open_pipes = pipes[0], set(pipes)
    told, stopped = False, False
    while open_pipes:
        if not told and setting.watch.stop():
            leader.send(None)
            told = True
        for pipe in wait(list(open_pipes), LOOK_SECONDS):
            assert isinstance(pipe, Connection), "nothing else is waited for"
            try:
                message = pipe.recv()
            except (EOFError, ConnectionError) as gone:
                raise ReplicaDied(f"process {pipes.index(pipe)} of a training died") from gone
            match message:
                case _Said(text):
                    setting.say(text)
                case _Stepped(stage, num_steps, row):
                    setting.watch.on_step(stage, num_steps, row)
                case _Ended(error, was_stopped):
                    if error:
                        raise ReplicaDied(error)
                    stopped = stopped or was_stopped
                    open_pipes.remove(pipe)
    return stopped


def _take_part(part: _Part, pipe: Connection) -> None:
    os.environ.update(
        # What torchrun sets, and `Replicas.join` looks for.
        TORCHELASTIC_RUN_ID="moonhand",
        MASTER_ADDR="127.0.0.1",
        MASTER_PORT=str(part.port),
        RANK=str(part.rank),
        LOCAL_RANK=str(part.rank),
        WORLD_SIZE=str(part.size),
    )
    leads = part.rank == 0

    def say(text: str) -> None:
        if leads:
            pipe.send(_Said(text))

    def on_step(stage: str, num_steps: int, row: dict[str, float]) -> None:
        pipe.send(_Stepped(stage, num_steps, row))

    def stop() -> bool:
        # At the end of who started us the pipe has something too: that it is closed.
        return leads and pipe.poll()

    setting = replace(part.data.setting, say=say, watch=Watch(on_step=on_step, stop=stop))
    try:
        data = replace(part.data, setting=setting)
        fine_tune(part.init, part.stage, data, part.out, setting.watch)
        pipe.send(_Ended(""))
    except KeyboardInterrupt:
        pipe.send(_Ended("", stopped=True))
    except BrokenPipeError:
        # Whoever started us is gone: the last save is where it goes on.
        return
    except Exception as error:
        # The traceback goes along: the process it belongs to is about to be gone.
        pipe.send(_Ended(f"{type(error).__name__}: {error}\n{traceback.format_exc()}"))


@contextmanager
def _born_deaf() -> Iterator[None]:
    """Processes started inside never hear of SIGINT: it is the leader's pipe that stops them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
