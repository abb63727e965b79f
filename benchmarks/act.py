"""What it costs that a process of its own acts: one action through the hands, beside the same
XTEST events sent without them, and beside pyautogui.

In turn and in one run on one display; compare the ratios. pyautogui is not among what we
install on Linux: name a Python that has it.

    python benchmarks/act.py --count 200 --peer /path/to/python --json act.json
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median, quantiles

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from env.actions import Action, Click, Keys, Move, Point, TypeText  # noqa: E402
from env.pace import Pace  # noqa: E402
from env.screen import ScreenSize  # noqa: E402
from env.virtual import VirtualDesktop  # noqa: E402
from env.x11 import X11Display  # noqa: E402
from env.x11_connection import connect  # noqa: E402
from env.x11_input import X11Input  # noqa: E402

HANDS, BARE, PEER = "hands", "bare XTEST", "pyautogui"
ACTIONS: Mapping[str, Callable[[int], Action]] = {
    "move": lambda n: Move(Point(n % 1000, 300)),
    "click": lambda n: Click(Point(n % 1000, 300)),
    "chord": lambda n: Keys(("ctrl", "f5")),
    "10 characters": lambda n: TypeText("abcde fghi"),
}
ROUND = 20
"""Actions of a kind by one of them before it is another's turn."""

PROGRAM = """
import json, sys, time
import pyautogui
pyautogui.PAUSE = 0
pyautogui.FAILSAFE = False
do = {
    "move": lambda n: pyautogui.moveTo(n % 1000, 300),
    "click": lambda n: pyautogui.click(n % 1000, 300),
    "chord": lambda n: pyautogui.hotkey("ctrl", "f5"),
    "10 characters": lambda n: pyautogui.write("abcde fghi"),
}
for line in sys.stdin:
    kind, first, count = json.loads(line)
    seconds = []
    for n in range(first, first + count):
        began = time.perf_counter()
        do[kind](n)
        seconds.append(time.perf_counter() - began)
    print(json.dumps(seconds), flush=True)
"""

Timed = Callable[[str, int], list[float]]


def timed(perform: Callable[[Action], None]) -> Timed:
    def run(kind: str, first: int) -> list[float]:
        seconds = []
        for number in range(first, first + ROUND):
            action = ACTIONS[kind](number)
            began = time.perf_counter()
            perform(action)
            seconds.append(time.perf_counter() - began)
        return seconds

    return run


def peer(process: "subprocess.Popen[str]") -> Timed:
    def run(kind: str, first: int) -> list[float]:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps([kind, first, ROUND]) + "\n")
        process.stdin.flush()
        seconds: list[float] = json.loads(process.stdout.readline())
        return seconds

    return run


def measure(count: int, python: Path | None) -> dict[str, dict[str, list[float]]]:
    """Seconds of every action, by kind and by who did it."""
    found: dict[str, dict[str, list[float]]] = {kind: {} for kind in ACTIONS}
    with VirtualDesktop(ScreenSize(1280, 720), sandbox=False) as desktop:
        name, cookie = desktop.environment["DISPLAY"], Path(desktop.environment["XAUTHORITY"])
        bare = X11Input(connect(name, cookie), Pace(time.sleep))
        with X11Display(name, cookie) as display:
            ways = {HANDS: timed(display.perform), BARE: timed(bare.perform)}
            process = None
            if python is not None:
                process = subprocess.Popen(
                    [str(python), "-c", PROGRAM],
                    env=dict(desktop.environment),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
                ways[PEER] = peer(process)
            for first in range(-ROUND, count, ROUND):
                for kind in ACTIONS:
                    for who, run in ways.items():
                        seconds = run(kind, max(0, first))
                        # The first round loads code.
                        if first >= 0:
                            found[kind].setdefault(who, []).extend(seconds)
            if process is not None:
                process.communicate()
    return found


def summary(found: Mapping[str, Mapping[str, Sequence[float]]]) -> dict[str, dict[str, float]]:
    rows = {}
    for kind, by_whom in found.items():
        bare = median(by_whom[BARE])
        for who, seconds in by_whom.items():
            rows[f"{kind}, {who}"] = {
                "median_ms": round(median(seconds) * 1000, 2),
                "p95_ms": round(quantiles(seconds, n=20)[-1] * 1000, 2),
                "times_bare": round(median(seconds) / bare, 2),
            }
    return rows


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--count", type=int, default=200, help="actions of each kind")
    parser.add_argument("--peer", type=Path, help="a Python that has pyautogui")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args(words)
    rows = summary(measure(options.count, options.peer))
    print(f"{'action':<28}{'median ms':>10}{'p95 ms':>10}{'x bare':>8}")
    for name, row in rows.items():
        print(f"{name:<28}{row['median_ms']:>10.2f}{row['p95_ms']:>10.2f}{row['times_bare']:>8.2f}")
    load = os.getloadavg()[0]
    print(f"\n{options.count} of each, on {len(os.sched_getaffinity(0))} cores, load {load:.1f}")
    if options.json is not None:
        found = {"rows": rows, "load": round(load, 1), "date": time.strftime("%Y-%m-%d")}
        options.json.write_text(json.dumps(found, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
