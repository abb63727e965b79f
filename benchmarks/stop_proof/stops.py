"""Stops and takeovers at random moments of every state.

Measured by the server's own clock: from the person's event to the last event that was injected.
"""

import json
import random
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from Xlib.ext import xinput

from benchmarks.stop_proof.agent import ACTING, STATES
from benchmarks.stop_proof.report import Report
from benchmarks.stop_proof.stage import Stage, Witnessed, opened_stage

STOP_P99_MS, STOP_WORST_MS = 50.0, 150.0
TAKEOVER_P99_MS = 100.0
QUIET_SECONDS = 0.15
"""What is injected after a stop would be seen within this."""
MOST_DELAY_SECONDS = 0.4
ANSWER_SECONDS = 30.0

HOW = ("key", "key", "key", "touch", "frozen")
"""The stop key; a key or button of a person's; the stop key while the agent's process is
stopped (SIGSTOP), as when model, loop and screen hang."""


class Agent:
    """The process of `benchmarks.stop_proof.agent`."""

    def __init__(self, stage: Stage, folder: Path) -> None:
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "benchmarks.stop_proof.agent"),
                *(stage.name, str(stage.cookie), str(folder)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._lines = b""
        self.expect("up")

    def begin(self, state: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(state.encode() + b"\n")
        self._process.stdin.flush()
        self.expect("begun")

    def freeze(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def ended(self) -> str:
        """How the episode ended."""
        line = self._line()
        while line == "begun":
            line = self._line()
        told: dict[str, str] = json.loads(line)
        return told["ending"]

    def expect(self, word: str) -> None:
        line = self._line()
        if line != word:
            raise RuntimeError(f"the agent said {line!r}; expected {word!r}")

    def close(self) -> None:
        self.thaw()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(ANSWER_SECONDS)

    def _line(self) -> str:
        assert self._process.stdout is not None
        number = self._process.stdout.fileno()
        until = time.monotonic() + ANSWER_SECONDS
        while b"\n" not in self._lines:
            ready, _, _ = select.select([number], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                raise RuntimeError(f"the agent said nothing for {ANSWER_SECONDS} s")
            data = self._process.stdout.read1(65536)  # type: ignore[attr-defined]
            if not data:
                raise RuntimeError("the agent ended")
            self._lines += data
        line, _, self._lines = self._lines.partition(b"\n")
        return str(line.decode())


def prove_stops(count: int, seed: int) -> Report:
    report = Report(name="stops")
    chance = random.Random(seed)
    with opened_stage() as stage, agent_on(stage) as agent:
        for number in range(count):
            state = STATES[number % len(STATES)]
            how = chance.choice(HOW if state in ACTING else HOW[:4])
            _trial(report, stage, agent, state, how, chance)
    _judge(report)
    return report


@contextmanager
def agent_on(stage: Stage) -> Iterator[Agent]:
    with tempfile.TemporaryDirectory() as folder:
        agent = Agent(stage, Path(folder))
        try:
            yield agent
        finally:
            agent.close()


def _trial(
    report: Report, stage: Stage, agent: Agent, state: str, how: str, chance: random.Random
) -> None:
    report.cases += 1
    report.counts[f"{state}, {how}"] += 1
    agent.begin(state)
    time.sleep(chance.uniform(0.0, MOST_DELAY_SECONDS))
    if how == "frozen":
        agent.freeze()
    stage.heard()
    if how == "touch":
        chance.choice((stage.person.click, lambda: stage.person.tap("a")))()
    else:
        stage.person.tap("escape")
    time.sleep(QUIET_SECONDS)
    held = stage.held()
    if how == "frozen":
        agent.thaw()
    ending = agent.ended()
    time.sleep(QUIET_SECONDS)
    heard = stage.heard()
    label = f"{state}, {how}"
    took = _milliseconds(heard)
    if took is None:
        report.bad.append(f"{label}: the person's event was not seen")
        return
    report.took("takeover" if how == "touch" else "stop", took)
    if held or (held := stage.held()):
        report.bad.append(f"{label}: still held: {', '.join(held)}")
    # A touch that comes when all is done pauses nothing any more.
    if ending != "STOPPED":
        report.counts[f"ended by itself before: {ending}"] += 1


def _milliseconds(heard: list[Witnessed]) -> float | None:
    """From the person's press to the last injected event; 0: there was none after it."""
    presses = (xinput.RawKeyPress, xinput.RawButtonPress)
    pressed = next(
        (event.at for event in heard if not event.injected and event.kind in presses), None
    )
    if pressed is None:
        return None
    return float(max([event.at - pressed for event in heard if event.injected] + [0]))


def _judge(report: Report) -> None:
    measured = report.plain()["milliseconds"]
    stop, takeover = measured.get("stop"), measured.get("takeover")
    if stop and (stop["p99"] > STOP_P99_MS or stop["worst"] > STOP_WORST_MS):
        report.bad.append(f"stop took {stop}; expected p99 {STOP_P99_MS}, worst {STOP_WORST_MS}")
    if takeover and takeover["p99"] > TAKEOVER_P99_MS:
        report.bad.append(f"takeover took {takeover}; expected p99 {TAKEOVER_P99_MS}")
