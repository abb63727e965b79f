"""The cockpit in a real terminal: typed into, watched and read as a person would.

The real agent, the shipped network, a real desktop of its own; only the eyes are ours.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from agent.reports import Close
from agent.watch import SessionGone, Watch
from trajectories.reading import Episode, read_runs

ROOT = Path(__file__).parents[2]
CONFIG = """
set -g default-terminal tmux-256color
set -ga terminal-overrides ",*:Tc"
set -g status off
set -g escape-time 0
"""


class Terminal:
    """A pane of a tmux server of its own."""

    def __init__(self, folder: Path, runtime: Path, across: int = 110, down: int = 34) -> None:
        self.folder = folder
        self.sockets = runtime / "moonhand"
        self._runtime = runtime
        self._socket = folder / "tmux"
        config = folder / "tmux.conf"
        config.write_text(CONFIG)
        self._tmux("-f", str(config), "new-session", "-d", "-x", f"{across}", "-y", f"{down}")

    def run(self, *words: str) -> None:
        told = f"XDG_RUNTIME_DIR={self._runtime} XDG_STATE_HOME={self.folder} COLORTERM=truecolor"
        command = " ".join([sys.executable, str(ROOT / "main.py"), *words])
        self.type(f"cd {ROOT}; {told} OMP_NUM_THREADS=1 {command}; echo LEFT-$?")
        self.press("Enter")

    def type(self, text: str) -> None:
        self._tmux("send-keys", "-l", text)

    def press(self, *keys: str) -> None:
        self._tmux("send-keys", *keys)

    def answer(self, key: str) -> None:
        """Struck until it is taken: a question takes no keys in its first moments."""
        until = time.monotonic() + 20.0
        while "May it do this" in self.screen():
            assert time.monotonic() < until, f"{key!r} was not taken:\n{self.screen()}"
            self.press(key)
            time.sleep(0.5)

    def screen(self) -> str:
        return self._tmux("capture-pane", "-p")

    def colours(self) -> set[str]:
        return set(re.findall(r"[34]8;2;[\d;]+", self._tmux("capture-pane", "-pe")))

    def wait_for(self, text: str, *, seconds: float = 90.0) -> str:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            screen = self.screen()
            if re.search(text, screen):
                return screen
            time.sleep(0.1)
        raise AssertionError(f"never {text!r} on the screen:\n{self.screen()}")

    def close(self) -> None:
        """And every session that was begun in it, also when a test failed half-way."""
        with suppress(subprocess.CalledProcessError):
            self._tmux("kill-server")
        for path in self.sockets.glob("*.session"):
            with suppress(SessionGone), Watch(path) as watch:
                too_late = threading.Timer(20.0, os.killpg, (watch.peer_pid, signal.SIGKILL))
                too_late.start()
                watch.order(Close())
                # They end when it has ended, with its desktop.
                for _ in watch.reports():
                    pass
                too_late.cancel()

    def _tmux(self, *words: str) -> str:
        command = ("tmux", "-S", str(self._socket), *words)
        environment = {name: value for name, value in os.environ.items() if name != "TMUX"}
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        return done.stdout


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    if shutil.which("tmux") is None:
        pytest.skip("no tmux here")
    # Not below tmp_path: the path of a socket has 108 characters at most.
    with tempfile.TemporaryDirectory(prefix="mh-") as runtime:
        terminal = Terminal(tmp_path, Path(runtime))
        try:
            yield terminal
        finally:
            terminal.close()


def episodes(folder: Path) -> list[Episode]:
    return [episode for run in read_runs(folder) for episode in run.episodes]


def waited(true: Callable[[], bool], seconds: float = 60.0) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if true():
            return True
        time.sleep(0.1)
    return False


def test_a_task_is_typed_watched_approved_and_another_stopped(
    terminal: Terminal, tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    terminal.run("--ask", "always", "--out", str(runs), "--max-steps", "4")
    terminal.wait_for("Press Enter to see it work")
    terminal.type("@click-test")
    terminal.press("Enter")
    # The whole way: a process of its own, Xvfb, a browser, the network, its answer.
    screen = terminal.wait_for("May it do this")
    assert "you asked to see every action" in screen
    assert "pyautogui.click" in screen
    assert len(terminal.colours()) > 20, "a picture is on the screen"
    terminal.answer("y")
    # One click is all that page needs, and nano knows it.
    terminal.wait_for("success · 1 step")
    terminal.type("Click the button.")
    terminal.press("Enter")
    terminal.wait_for("May it do this")
    terminal.press("C-k")
    terminal.wait_for("stopped · 1 step")
    terminal.press("C-q")
    terminal.wait_for("LEFT-0")
    first, second = episodes(runs)
    assert first.end is not None
    assert first.end.ending == "ENVIRONMENT_OVER"
    assert first.success, "the button was pressed, by the page's own judgement"
    assert second.start.instruction == "Click the button."
    assert second.end is not None
    assert (second.end.ending, second.stopped) == ("STOPPED", True)
    assert all(step.intent is None for step in second.steps), "nothing was meant, nothing done"
    # The session went with it, and its desktop.
    assert waited(lambda: not list(terminal.sockets.glob("*.session")))


def test_the_screen_is_killed_and_the_task_goes_on(terminal: Terminal, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    terminal.run("--ask", "always", "--out", str(runs), "--max-steps", "4")
    terminal.wait_for("Press Enter to see it work")
    terminal.type("@click-test")
    terminal.press("Enter")
    terminal.wait_for("May it do this")
    (screen,) = [
        int(pid)
        for pid in subprocess.run(
            ("pgrep", "-f", f"main.py --ask always --out {runs}"), capture_output=True, text=True
        ).stdout.split()
        if "main.py" in Path(f"/proc/{pid}/cmdline").read_text()
        and "python" in Path(f"/proc/{pid}/cmdline").read_text().split("\0")[0]
    ]
    os.kill(screen, 9)
    terminal.wait_for("LEFT-137")
    assert list(terminal.sockets.glob("*.session")), "the session lives"
    terminal.press("C-l")
    terminal.type("stty sane; clear")
    terminal.press("Enter")
    # Else the dead screen's question is taken for the one of the screen that comes.
    assert waited(lambda: "May it do this" not in terminal.screen())
    terminal.run("attach")
    terminal.wait_for("May it do this")
    terminal.answer("y")
    terminal.wait_for("success · 1 step")
    terminal.press("C-q")
    terminal.wait_for("LEFT-0")
    (episode,) = episodes(runs)
    assert episode.end is not None
    assert episode.success


def test_lines_instead_of_a_screen(terminal: Terminal, tmp_path: Path) -> None:
    terminal.run("--plain", "--ask", "always", "--out", str(tmp_path / "runs"))
    terminal.wait_for("ready")
    terminal.type("@click-test")
    terminal.press("Enter")
    terminal.wait_for(r"question 1: .*Why asked: you asked")
    terminal.type("y")
    terminal.press("Enter")
    terminal.wait_for("question 1 answered: yes")
    terminal.wait_for("step 1: done")
    terminal.type("stop")
    terminal.press("Enter")
    terminal.wait_for("over: ")
    terminal.type("quit")
    terminal.press("Enter")
    terminal.wait_for("LEFT-0")
