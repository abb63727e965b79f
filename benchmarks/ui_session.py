"""A session in a process of its own, at work on a display that stands for the user's screen.

Its model is an address that gives one answer for ever: a long text to type.
"""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
from Xlib.ext import xinput

from agent.reports import Attach, Begin, Close, Over, Report, State
from agent.watch import Watch
from benchmarks.stop_proof.agent import ACTING, answer_of
from benchmarks.stop_proof.stage import Stage
from ui.runner import SessionSetup, launch

PATIENCE_SECONDS = 60.0
_LETTERS = 10
QUIET_SECONDS = 0.7
"""More than a lease: hands that have not been told would go on within it, or lapse."""


class _OneAnswer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._say(json.dumps({"data": [{"id": "typist"}]}), "application/json")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        said = {"choices": [{"delta": {"content": answer_of(ACTING["typing"])}}]}
        ended = {"choices": [{"delta": {}, "finish_reason": "stop"}]}
        lines = [f"data: {line}\n\n" for line in (json.dumps(said), json.dumps(ended), "[DONE]")]
        self._say("".join(lines), "text/event-stream")

    def _say(self, text: str, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        pass


class WorkedScreen:
    """The session, and the display that it works."""

    def __init__(self, stage: Stage, socket: Path) -> None:
        self.stage = stage
        self._reports: list[Report] = []
        self._watch = Watch(socket)
        self._watch.order(Attach())
        self.pid = self._watch.peer_pid
        self.order = self._watch.order
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def begin(self) -> None:
        """Returns when it types."""
        self.wait_for(lambda: self.mood == "ready")
        self.stage.heard()
        self._reports.clear()
        self.order(Begin(instruction="Type it.", max_steps=3))
        self.wait_until_typing()

    def wait_until_typing(self) -> None:
        """In the middle of a text: some letters of it have come."""
        pressed = 0

        def typed() -> bool:
            nonlocal pressed
            pressed += len(self.pressed())
            return pressed >= _LETTERS

        self.wait_for(typed)

    def pressed(self) -> list[int]:
        """When it pressed keys since the last look, by the display's clock in milliseconds."""
        return [
            each.at
            for each in self.stage.heard()
            if each.injected and each.kind == xinput.RawKeyPress
        ]

    @property
    def mood(self) -> str:
        return next((each.mood for each in self._reports[::-1] if isinstance(each, State)), "")

    @property
    def reason(self) -> str:
        """Of its mood."""
        return next((each.reason for each in self._reports[::-1] if isinstance(each, State)), "")

    def over(self) -> Over:
        """How the episode ended, when it has."""
        self.wait_for(lambda: any(isinstance(each, Over) for each in self._reports))
        return next(each for each in self._reports if isinstance(each, Over))

    def num_injected(self, seconds: float) -> int:
        """Events that come from it within that time."""
        self.stage.heard()
        time.sleep(seconds)
        return sum(each.injected for each in self.stage.heard())

    def freeze(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)
        stopped = psutil.Process(self.pid)
        self.wait_for(lambda: stopped.status() == psutil.STATUS_STOPPED)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def wait_for(self, true: Callable[[], bool]) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        while not true():
            if time.monotonic() > until:
                raise TimeoutError(f"it never came to that; it is {self.mood!r}")
            time.sleep(0.005)

    def close(self) -> None:
        self.thaw()
        self.order(Close())
        self._listener.join(PATIENCE_SECONDS)
        self._watch.close()

    def _listen(self) -> None:
        self._reports.extend(self._watch.reports())


@contextmanager
def worked_screen(stage: Stage, folder: Path) -> Iterator[WorkedScreen]:
    """
    Args:
        folder: of its socket and its runs; only the owner's.
    """
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("WAYLAND_DISPLAY", "XDG_SESSION_TYPE", "WINDOWID")
    }
    environment |= {"DISPLAY": stage.name, "XAUTHORITY": str(stage.cookie)}
    with ThreadingHTTPServer(("127.0.0.1", 0), _OneAnswer) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        serving.start()
        model = f"http://127.0.0.1:{server.server_port}/v1"
        setup = SessionSetup(desktop="real", model=model, mode="watch", out=folder / "runs")
        socket = launch(setup, folder, environment)
        until = time.monotonic() + PATIENCE_SECONDS
        while not socket.exists() and time.monotonic() < until:
            time.sleep(0.02)
        worked = WorkedScreen(stage, socket)
        try:
            yield worked
        finally:
            worked.close()
            server.shutdown()
            serving.join()
