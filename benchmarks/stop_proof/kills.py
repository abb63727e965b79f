"""Agents and hands killed, crashed, ended and stopped while they hold keys and buttons."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.stop_proof.report import Report
from benchmarks.stop_proof.stage import Stage, opened_stage

FREE_SECONDS = 5.0
"""The lease is 0.5 s; the rest is for a busy machine. How long it took is measured."""
START_SECONDS = 30.0

HOLDER = """
import os, sys, threading
from pathlib import Path
from env.actions import Click, Move, Point, TypeText
from env.hands_client import HandsClient
from env.x11_person import StopKeys
hands = HandsClient(sys.argv[1], Path(sys.argv[2]), StopKeys(), lambda kind, why: None)
hands.start(heeds_person=False, about="a proof")
hands.perform(TypeText("aé日"))
print(hands.process_id, flush=True)
threading.Thread(target=lambda: sys.stdin.readline() and os._exit(7), daemon=True).start()
hands.perform(Click(Point(50, 50), "left", 1, ("ctrl", "shift", "ü"), 9.0))
"""

HOW = ("agent killed", "hands killed", "agent stopped", "agent ended", "crash")


def prove_kills(count: int, seed: int) -> Report:
    report = Report(name="kills")
    chance = random.Random(seed)
    with opened_stage() as stage:
        before = stage.key_map()
        for number in range(count):
            how = HOW[number % len(HOW)]
            report.cases += 1
            report.counts[how] += 1
            _trial(report, stage, how, chance.uniform(0.05, 0.4))
            if stage.key_map() != before:
                report.bad.append(f"{how}: the key map is another than before")
                before = stage.key_map()
    return report


def _trial(report: Report, stage: Stage, how: str, delay: float) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, stage.name, str(stage.cookie)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as agent:
        assert agent.stdin is not None
        assert agent.stdout is not None
        hands = int(agent.stdout.readline())
        if not stage.wait_until_held(START_SECONDS):
            report.bad.append(f"{how}: nothing was ever held")
        time.sleep(delay)
        began = time.monotonic()
        match how:
            case "agent killed":
                agent.kill()
            case "hands killed":
                os.kill(hands, signal.SIGKILL)
            case "agent stopped":
                agent.send_signal(signal.SIGSTOP)
            case "agent ended":
                agent.terminate()
            case "crash":
                agent.stdin.write(b"now\n")
                agent.stdin.flush()
        held = stage.wait_until_free(FREE_SECONDS)
        report.took(how, round((time.monotonic() - began) * 1000, 1))
        if held:
            report.bad.append(f"{how}: still held: {', '.join(held)}")
        agent.kill()
        agent.wait()
        _wait_for_end(hands)


def _wait_for_end(process: int) -> None:
    """Hands that see their agent gone put the key map back and end."""
    until = time.monotonic() + FREE_SECONDS
    while Path(f"/proc/{process}").exists() and time.monotonic() < until:
        time.sleep(0.01)
