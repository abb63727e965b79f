"""What it costs the agent that somebody watches: the same episodes with and without a cockpit.

One session with the shipped network. Every page is done once for practice, and then twice, watched
and unwatched in changing order, so that what else the machine does falls on both alike. The cockpit
is another process in a terminal of its own, which comes and goes; unwatched, nobody is connected.
"""

import asyncio
import fcntl
import os
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

import psutil

from agent.reports import Attach, Began, Begin, State
from agent.watch import Watch, private_folder
from trajectories.errors import TrajectoryError
from trajectories.reading import Episode, read_runs
from ui.app import Cockpit, Places
from ui.runner import SessionSetup, launch

ROOT = Path(__file__).parents[1]
TASKS = ("enter-date", "navigate-tree", "click-tab", "click-collapsible-nodelay", "click-widget")
PATIENCE_SECONDS = 180.0
UP = "up"
"""A file that says that the cockpit is there."""
_CALM_SECONDS = 0.4
"""Between two episodes: what the last one left to do is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Of one episode, a step of it."""

    wall: float
    agent_cpu: float
    """CPU seconds of the session's process."""
    desktop_cpu: float
    """Of its children: display, browser."""
    cockpit_cpu: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    unwatched: Spent
    watched: Spent


class Comer(Cockpit):
    """Watches from SIGUSR1 to SIGUSR2."""

    CSS_PATH = str(ROOT / "ui" / "app.tcss")

    def on_mount(self) -> None:
        # Textual calls the one of the class it is made from as well.
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, self._come)
        loop.add_signal_handler(signal.SIGUSR2, self._go)
        (self._places.sockets / UP).touch()

    def _come(self) -> None:
        self._go()
        self.connect(self._places.sockets / "watched.session")

    def _go(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None


def step_pairs(count: int) -> list[Pair]:
    """
    Args:
        count: of pages, each done twice.
    """
    with tempfile.TemporaryDirectory(prefix="mh-") as name, _stage(Path(name)) as stage:
        pairs = []
        for number in range(count):
            page = f"@{TASKS[number % len(TASKS)]} {number // len(TASKS)}"
            # A page done before is answered faster: guesses come from earlier answers.
            stage.measured(page, watched=False)
            first = bool(number % 2)
            spent = {
                watched: stage.measured(page, watched=watched) for watched in (first, not first)
            }
            pairs.append(Pair(unwatched=spent[False], watched=spent[True]))
        return pairs


class _Stage:
    """A session, and a cockpit beside it."""

    def __init__(self, runs: Path, socket: Path, session: int, cockpit: int) -> None:
        self._runs = runs
        self._socket = socket
        self._cockpit = psutil.Process(cockpit)
        self._session = psutil.Process(session)
        with Watch(socket) as watch:
            self._wait_until_ready(watch)

    def measured(self, page: str, *, watched: bool) -> Spent:
        os.kill(self._cockpit.pid, signal.SIGUSR1 if watched else signal.SIGUSR2)
        time.sleep(_CALM_SECONDS)
        num_before = len(self._episodes())
        before = self._cpu()
        with Watch(self._socket) as watch:
            watch.order(Begin(instruction=page, max_steps=8))
            # Gone before it was taken, an order is lost.
            next(report for report in watch.reports() if isinstance(report, Began))
        episode = self._ended(num_before)
        after = self._cpu()
        steps = [step for step in episode.steps if step.intent is not None]
        assert episode.end is not None
        assert steps, f"{page}: nothing was answered"
        used = [(late - early) / len(steps) for early, late in zip(before, after, strict=True)]
        return Spent(
            wall=episode.end.seconds / len(steps),
            agent_cpu=used[0],
            desktop_cpu=used[1],
            cockpit_cpu=used[2],
        )

    def _ended(self, num_before: int) -> Episode:
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            time.sleep(_CALM_SECONDS)
            episodes = self._episodes()
            if len(episodes) > num_before and episodes[-1].end is not None:
                return episodes[-1]
        raise TimeoutError("the episode never ended")

    def _episodes(self) -> list[Episode]:
        try:
            return [episode for run in read_runs(self._runs) for episode in run.episodes]
        except TrajectoryError:
            return []

    def _cpu(self) -> tuple[float, float, float]:
        children = self._session.children(recursive=True)
        return (
            _seconds(self._session),
            sum(_seconds(child) for child in children),
            _seconds(self._cockpit),
        )

    def _wait_until_ready(self, watch: Watch) -> None:
        watch.order(Attach())
        for report in watch.reports():
            if isinstance(report, State) and report.mood == "ready":
                return
        raise RuntimeError("the session ended before it was ready")


def _seconds(process: "psutil.Process") -> float:
    try:
        return float(sum(process.cpu_times()[:2]))
    except psutil.NoSuchProcess:
        return 0.0


def _wait_for(path: Path) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not path.exists():
        if time.monotonic() > until:
            raise TimeoutError(f"no {path}")
        time.sleep(0.05)


@contextmanager
def _stage(name: Path) -> Iterator[_Stage]:
    folder = private_folder(name / "s")
    socket = launch(SessionSetup(mode="watch", out=folder / "runs"), folder)
    _wait_for(socket)
    # A name that the cockpit, which is begun now, knows.
    (folder / "watched.session").symlink_to(socket)
    with Watch(socket) as watch:
        session = watch.peer_pid
    try:
        with _terminal(folder) as cockpit:
            _wait_for(folder / UP)
            yield _Stage(folder / "runs", socket, session, cockpit)
    finally:
        os.killpg(session, signal.SIGKILL)


@contextmanager
def _terminal(folder: Path) -> Iterator[int]:
    """A cockpit in a terminal of 120x40; its process."""
    master, slave = os.openpty()
    threading.Thread(target=drain, args=(master,), daemon=True).start()
    program = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1])\n"
        "from benchmarks.ui_steps import opened_by; from ui.aside import step_aside\n"
        "app = opened_by(Path(sys.argv[2])); step_aside(); app.run()\n"
    )
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    process = subprocess.Popen(
        (sys.executable, "-c", program, str(ROOT), str(folder)),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        env={**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"},
    )
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()
        os.close(slave)


def opened_by(folder: Path) -> Comer:
    places = Places(sockets=folder, history=None, runs=folder / "none", results=folder / "results")
    return Comer(places, SessionSetup())


def drain(master: int) -> None:
    while True:
        try:
            os.read(master, 65536)
        except OSError:
            return


def told(pairs: list[Pair]) -> dict[str, object]:
    """Medians, and of the ratio of the two its quartiles over the pairs."""
    ratios = [pair.watched.wall / pair.unwatched.wall for pair in pairs]
    cpu = [pair.watched.agent_cpu / pair.unwatched.agent_cpu for pair in pairs]
    return {
        "pairs": len(pairs),
        "unwatched_ms": median(pair.unwatched.wall for pair in pairs) * 1e3,
        "watched_ms": median(pair.watched.wall for pair in pairs) * 1e3,
        "ratio": _spread(ratios),
        "ratio_of_sums": sum(pair.watched.wall for pair in pairs)
        / sum(pair.unwatched.wall for pair in pairs),
        "agent_cpu_ratio": _spread(cpu),
        "agent_cpu_ms": median(pair.unwatched.agent_cpu for pair in pairs) * 1e3,
        "agent_cpu_watched_ms": median(pair.watched.agent_cpu for pair in pairs) * 1e3,
        "cockpit_cpu_ms": median(pair.watched.cockpit_cpu for pair in pairs) * 1e3,
        "cockpit_cpu_unwatched_ms": median(pair.unwatched.cockpit_cpu for pair in pairs) * 1e3,
    }


def _spread(values: list[float]) -> list[float]:
    return [round(value, 4) for value in quantiles(values, n=4)]
