"""What it costs the agent that somebody watches: the same steps with and without a cockpit.

One session with the shipped network. Every page is done for practice and then in three arms, which
take turns in every order: unwatched, unwatched once more (what the noise alone makes of it), and
watched; and all of it several times. The cockpit is another process in a terminal of its own, which
comes and goes; unwatched, nobody is connected. Steps are compared one by one, of the same page and
with the same answers, by the times in the run's log.

    python -m benchmarks.ui_steps --pages 10 --times 4 --json steps.json
    python -m benchmarks.ui_steps --pages 0 --earlier steps.json more.json    # both together
"""

import argparse
import asyncio
import fcntl
import json
import os
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from itertools import permutations
from pathlib import Path

import psutil
from pydantic import TypeAdapter

from agent.reports import Attach, Began, Begin, Report, State
from agent.watch import Watch, private_folder
from benchmarks.conditions import conditions
from benchmarks.ui_ratios import ARMS, OTHERS, Arm, Played, StepTime, together, told
from trajectories.log import LOG_NAME
from trajectories.reading import Episode, read_runs
from ui.app import Cockpit, Places
from ui.runner import SessionSetup, launch

ROOT = Path(__file__).parents[1]
TASKS = (
    "login-user",
    "click-checkboxes",
    "enter-password",
    "click-collapsible-2",
    "use-autocomplete",
    "enter-date",
    "choose-list",
    "click-tab-2",
)
"""That take nano several steps: clicks, typing, and some that it fails."""
PATIENCE_SECONDS = 180.0
UP = "up"
"""A file that says that the cockpit is there."""
_CALM_SECONDS = 0.4
"""Before an episode and after it: what the last one left to do is done, and drawn."""
_CROWDED_SECONDS = 10.0
"""That a crowd is waited out."""
_LOOK_SECONDS = 0.05
_ENDED = b'"ending":'
"""In the log only as the key of an episode's last record: in a text its quotes are escaped."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    page: str
    repeat: int
    arm: Arm | None
    """None: practice. A page done before is answered faster: guesses come from earlier answers."""


def tasks(pages: range, times: int) -> Iterator[_Task]:
    """Round by round, so that those done by any time are of all pages."""
    orders = list(permutations(ARMS))
    for repeat in range(times):
        for number in pages:
            page = f"@{TASKS[number % len(TASKS)]} {number // len(TASKS)}"
            for arm in (None, *orders[(number + repeat) % len(orders)]):
                yield _Task(page=page, repeat=repeat, arm=arm)


def played(pages: range, times: int, threads: int, seconds: float) -> list[Played]:
    """
    Args:
        times: that each page is done in each arm.
        threads: the network computes with.
        seconds: what is not begun by then is left out.
    """
    done: list[tuple[_Task, dict[str, float]]] = []
    with (
        tempfile.TemporaryDirectory(prefix="mh-") as name,
        _stage(Path(name), threads) as stage,
    ):
        until = time.monotonic() + seconds
        for task in tasks(pages, times):
            if time.monotonic() > until:
                break
            done.append((task, stage.play(task.page, watched=task.arm == "watched")))
        episodes = stage.episodes()
    return [
        Played(
            page=task.page,
            repeat=task.repeat,
            arm=task.arm,
            cpu=cpu,
            steps=tuple(step_times(episode)),
        )
        for (task, cpu), episode in zip(done, episodes, strict=True)
        if task.arm is not None
    ]


def step_times(episode: Episode) -> Iterator[StepTime]:
    """From one look to the next; the first from the beginning, the last to the end."""
    assert episode.end is not None
    answered = [step for step in episode.steps if step.intent is not None]
    looks = [step.observation.taken_at for step in answered]
    ends = [*looks[1:], episode.start.started_at + episode.end.seconds]
    starts = [episode.start.started_at, *looks[1:]]
    for step, start, end in zip(answered, starts, ends, strict=True):
        assert step.intent is not None
        seen = step.observation
        parts = {
            "settle": seen.settle_seconds,
            "capture": seen.capture_seconds,
            **step.intent.seconds,
            "act": 0.0 if step.outcome is None else step.outcome.act_seconds,
        }
        yield StepTime(answer=step.intent.response, seconds=end - start, parts=parts)


class _Stage:
    """A session, and a cockpit beside it."""

    def __init__(self, runs: Path, socket: Path, session: int, cockpit: int) -> None:
        self._runs = runs
        self._socket = socket
        self._cockpit = cockpit
        self._session = psutil.Process(session)
        self._desktop: list[int] = []
        """Processes of the session's children: display, browser."""
        self._num_read = 0
        """Bytes of the log."""
        with Watch(socket) as watch:
            watch.order(Attach())
            _ready_among(watch.reports())

    def play(self, page: str, *, watched: bool) -> dict[str, float]:
        """Seconds of the whole episode, by process (`Played.cpu`)."""
        os.kill(self._cockpit, signal.SIGUSR1 if watched else signal.SIGUSR2)
        # All processes of the machine are looked through for it: once, and not while it plays.
        self._desktop = [child.pid for child in self._session.children(recursive=True)]
        self._wait_for_calm()
        before = self._cpu()
        with Watch(self._socket) as watch:
            reports = watch.reports()
            # First comes what was before, another beginning with it.
            _ready_among(reports)
            watch.order(Begin(instruction=page, max_steps=8))
            # Gone before it was taken, an order is lost.
            next(report for report in reports if isinstance(report, Began))
        self._wait_for_the_end()
        time.sleep(_CALM_SECONDS)
        after = self._cpu()
        return {name: after[name] - before[name] for name in before}

    def episodes(self) -> list[Episode]:
        return [episode for run in read_runs(self._runs) for episode in run.episodes]

    def _wait_for_calm(self) -> None:
        """Until others leave the cores alone, or too long: whether a round counts is seen later."""
        until = time.monotonic() + _CROWDED_SECONDS
        while True:
            before = self._cpu()
            time.sleep(_CALM_SECONDS)
            after = self._cpu()
            others = (after["others"] - before["others"]) / (after["wall"] - before["wall"])
            if others < OTHERS or time.monotonic() > until:
                return

    def _wait_for_the_end(self) -> None:
        """Only what is new in the log is read: this process works on the same cores."""
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            time.sleep(_LOOK_SECONDS)
            (log,) = self._runs.glob(f"*/{LOG_NAME}")
            with log.open("rb") as file:
                file.seek(self._num_read)
                new = file.read()
            if _ENDED in new:
                self._num_read += len(new)
                return
        raise TimeoutError("the episode never ended")

    def _cpu(self) -> dict[str, float]:
        of = {"agent": [self._session.pid], "desktop": self._desktop, "cockpit": [self._cockpit]}
        spent = {}
        for name, processes in of.items():
            pairs = [_ran_and_waited(pid) for pid in processes]
            spent[name] = sum(ran for ran, _ in pairs)
            spent[f"{name} waits"] = sum(waited for _, waited in pairs)
        here = _ran_and_waited(os.getpid())[0]
        ours = spent["agent"] + spent["desktop"] + spent["cockpit"] + here
        return {**spent, "others": _busy_seconds() - ours, "wall": time.monotonic()}


def _ready_among(reports: Iterator[Report]) -> None:
    for report in reports:
        if isinstance(report, State) and report.mood == "ready":
            return
    raise RuntimeError("the session ended before it was ready")


def _busy_seconds() -> float:
    """Of all cores, by whatever process."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - times.iowait - times.guest - times.guest_nice)


def _ran_and_waited(pid: int) -> tuple[float, float]:
    """Seconds that a process's threads ran, and that they could have run and had no core."""
    ran = waited = 0
    for thread in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        # A thread may end while it is looked for.
        with suppress(OSError):
            ran_ns, waited_ns, _ = thread.read_text().split()
            ran += int(ran_ns)
            waited += int(waited_ns)
    return ran / 1e9, waited / 1e9


def _wait_for(path: Path) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not path.exists():
        if time.monotonic() > until:
            raise TimeoutError(f"no {path}")
        time.sleep(0.05)


@contextmanager
def _stage(name: Path, threads: int) -> Iterator[_Stage]:
    folder = private_folder(name / "s")
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    socket = launch(SessionSetup(mode="watch", out=folder / "runs"), folder, environment)
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
        "from ui.hang_up import end_with_terminal; end_with_terminal(sys.stdin.fileno())\n"
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


def main(arguments: Sequence[str] | None = None) -> None:
    # Told to end, the session is ended as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to end"))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=10)
    parser.add_argument("--first", type=int, default=0, help="number of the first page")
    parser.add_argument("--times", type=int, default=4, help="each page in each arm")
    parser.add_argument("--seconds", type=float, default=420.0, help="no more is begun then")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of the network")
    parser.add_argument("--earlier", type=Path, nargs="*", default=[], help="files of --json")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    kept = TypeAdapter(list[Played])
    runs = [
        kept.validate_python(json.loads(path.read_bytes())["played"]) for path in options.earlier
    ]
    pages = range(options.first, options.first + options.pages)
    if pages:
        runs.append(played(pages, options.times, options.threads, options.seconds))
    all_played = together(runs)
    result = {"step": told(all_played), "threads": options.threads, **conditions()}
    print(json.dumps(result, indent=2))
    if options.json is not None:
        result["played"] = [asdict(each) for each in all_played]
        options.json.write_text(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
