"""The cockpit killed at random moments of an episode: does the episode mind?

python -m benchmarks.ui_proof --kills 100 --out ui-proof.json

Each time a session (prepared answers, the form in memory) in a process of its own, and a real
cockpit attached to it in a terminal of its own, where the task is typed. The cockpit is killed
(SIGKILL). The episode must go on to its end, or stop, as the session was told; its log must be
whole; whoever attaches afterwards must be told the episode from its beginning to its end.
"""

import argparse
import json
import os
import pty
import random
import select
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from agent.action_text import action_text, finish_text
from agent.reports import Attach, Began, Over, Unattended
from agent.watch import Watch, private_folder
from benchmarks.log_proof.workload import Report
from env.actions import Click, Point
from env.fake import BUTTON, CHECK_BOX, FAKE_SIZE
from trajectories.errors import TrajectoryError
from trajectories.reading import Episode, read_runs
from trajectories.repair import check
from ui.app import Cockpit, Places
from ui.rehearsal import rehearsal
from ui.runner import SessionSetup

HOW: tuple[Unattended, ...] = ("go on", "stop")
NUM_ANSWERS = 7
"""Clicks, and in the end that it is done."""
EPISODE_SECONDS = 1.0
"""About as long as one takes where nothing else is done; the kill comes within it."""
PATIENCE_SECONDS = 30.0
_READY = b"Press Enter"
"""On the first screen of a cockpit that can be typed into."""


def prove_kills(num_kills: int, seed: int) -> Report:
    report = Report(name="cockpits killed at work")
    chance = random.Random(seed)
    for number in range(num_kills):
        with tempfile.TemporaryDirectory(prefix="mh-") as name:
            folder = private_folder(Path(name) / "s")
            trouble = _one_kill(folder, HOW[number % 2], chance.random(), report)
        report.cases += 1
        if trouble is not None:
            report.bad.append(f"seed {seed}, kill {number} ({HOW[number % 2]}): {trouble}")
    return report


def _one_kill(folder: Path, unattended: Unattended, share: float, report: Report) -> str | None:
    """Gives what was wrong."""
    socket = folder / "rehearsal.session"
    bell, ring = os.pipe()
    session = _forked(lambda: _be_session(folder, unattended, bell, ring))
    os.close(bell)
    try:
        _wait(socket.exists, "no session")
        screen, terminal = _open_cockpit(folder, socket)
        try:
            _read_until(terminal, _READY)
            os.write(terminal, b"Go.\r")
            _drain_until(terminal, lambda: _episode(folder) is not None)
            until = time.monotonic() + share * EPISODE_SECONDS
            _drain_until(terminal, lambda: time.monotonic() > until)
        finally:
            os.kill(screen, signal.SIGKILL)
            os.waitpid(screen, 0)
            os.close(terminal)
        was = _episode(folder)
        was_over = was is None or was.end is not None
        report.count("after its end" if was_over else f"in the middle, {unattended}")
        if unattended == "stop":
            # Who is back before the session has noticed that nobody was there finds it at work.
            _wait(lambda: _is_over(folder), "the episode never ended")
        return _reattached(socket) or _wrong(folder, unattended, was)
    except TimeoutError as error:
        return str(error)
    finally:
        os.close(ring)
        os.waitpid(session, 0)


def _reattached(socket: Path) -> str | None:
    """Told from the beginning to the end, or what was not."""
    with Watch(socket) as watch:
        watch.order(Attach())
        # A session that says nothing more must not keep the proof for ever.
        end = threading.Timer(PATIENCE_SECONDS, watch.close)
        end.start()
        began = False
        for told in watch.reports():
            began = began or isinstance(told, Began)
            if isinstance(told, Over):
                end.cancel()
                end.join()
                return None if began else "attached again, and not told how it began"
    return "attached again, and never told of its end"


def _wrong(folder: Path, unattended: Unattended, was: Episode | None) -> str | None:
    """
    Args:
        was: the episode, as it was when the cockpit had died.
    """
    episode = _episode(folder)
    if episode is None or episode.end is None:
        return "the log has no end of it"
    (run,) = (folder / "runs").iterdir()
    condition = check(run)
    if not condition.sound:
        return condition.in_words()
    done = sum(step.outcome is not None and not step.error for step in episode.steps)
    ending = episode.end.ending
    if was is None or len(was.steps) == NUM_ANSWERS:
        # It may have been in its last step already, or over.
        return None if ending in ("DONE", "STOPPED") else f"it ended {ending}"
    if unattended == "stop":
        return None if ending == "STOPPED" else f"it ended {ending} with nobody there"
    whole = ending == "DONE" and done == NUM_ANSWERS
    return None if whole else f"it ended {ending} after {done} answers"


def _be_session(folder: Path, unattended: Unattended, bell: int, ring: int) -> None:
    """Until the other end of the pipe is closed."""
    os.close(ring)
    both = [
        action_text(Click(Point(*box.center)), FAKE_SIZE, words="Click it.", thought="So it is.")
        for box in (CHECK_BOX, BUTTON)
    ]
    answers = [both[number % 2] for number in range(NUM_ANSWERS - 1)]
    said = [*answers, finish_text(True, words="Done.")]
    with rehearsal(folder, said, mode="watch", unattended=unattended, seconds_a_piece=0.02):
        os.read(bell, 1)


def _open_cockpit(folder: Path, socket: Path) -> tuple[int, int]:
    """Its process, and the other end of its terminal."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ |= {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
        places = Places(
            sockets=folder, history=None, runs=folder / "runs", results=folder / "results"
        )
        _be(lambda: Cockpit(places, SessionSetup(desktop="fake"), attach=socket).run())
    return pid, terminal


def _forked(live: Callable[[], None]) -> int:
    pid = os.fork()
    if pid == 0:
        _be(live)
    return pid


def _be(live: Callable[[], object]) -> None:
    """In a child: nothing of the parent's is ended with it."""
    code = 1
    try:
        live()
        code = 0
    finally:
        os._exit(code)


def _read_until(terminal: int, wanted: bytes) -> None:
    seen = b""
    until = time.monotonic() + PATIENCE_SECONDS
    while wanted not in seen:
        if time.monotonic() > until:
            raise TimeoutError(f"the cockpit never showed {wanted!r}")
        seen += _some(terminal)


def _drain_until(terminal: int, true: Callable[[], bool]) -> None:
    """A terminal that nobody reads from would stop the cockpit."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not true():
        if time.monotonic() > until:
            raise TimeoutError("the task was typed, and not begun")
        _some(terminal)


def _some(terminal: int) -> bytes:
    ready, _, _ = select.select([terminal], [], [], 0.005)
    return os.read(terminal, 65536) if ready else b""


def _wait(true: Callable[[], bool], otherwise: str) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not true():
        if time.monotonic() > until:
            raise TimeoutError(otherwise)
        time.sleep(0.005)


def _is_over(folder: Path) -> bool:
    episode = _episode(folder)
    return episode is not None and episode.end is not None


def _episode(folder: Path) -> Episode | None:
    """The last there is so far."""
    try:
        found = [episode for run in read_runs(folder / "runs") for episode in run.episodes]
    except (TrajectoryError, OSError):
        # It is being made.
        return None
    return found[-1] if found else None


def run(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("ui-proof.json"))
    options = parser.parse_args(words)
    began = time.monotonic()
    report = prove_kills(options.kills, options.seed)
    told = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": options.seed,
        "seconds": round(time.monotonic() - began, 1),
        **report.plain(),
    }
    options.out.write_text(json.dumps(told, indent=2) + "\n")
    print(json.dumps(told, indent=2))
    return 1 if report.bad else 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
