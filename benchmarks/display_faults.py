"""What becomes of an episode when its display fails in the middle of it?

python -m benchmarks.display_faults --runs 20 --out display-faults.json

Each run is a real episode (the loop, a log on disk, clicks on a window in a
virtual desktop) with one fault at a random moment. It must come to a named
ending within ten seconds of the fault, with nothing performed on a display
that is gone and every byte of its log good.
"""

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from agent.events import Ending
from agent.loop import Loop, LoopConfig
from agent.policy import ScriptedPolicy
from benchmarks.log_proof.workload import Report
from env.actions import Action
from env.desktop import Desktop
from env.errors import DesktopLost
from env.headed import HeadedBrowser
from env.screen import Box, Screenshot, ScreenSize
from env.virtual import VirtualDesktop
from env.x11_connection import connect
from trajectories.repair import check
from trajectories.store import RunStore

HANG_SECONDS = 10.0
SIZE = ScreenSize(900, 640)
STEP_SECONDS = 0.2
"""About: the fault comes in the first half of an episode that nothing ends."""

PAGE = """<body style="margin:0"><div id=box style="width:600px;height:400px;background:white">
</div><script>let n = 0; onmousedown = () => { n++; box.style.background =
`hsl(${n * 40} 80% 70%)` }</script>"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    strike: Callable[[VirtualDesktop, "Faulty"], None]
    lost: bool
    """The display is gone with it: the episode must end as `DESKTOP_LOST`."""
    grace_seconds: float = 0.05
    """What is done so soon after it was done before it."""


class Faulty(Desktop):
    """The desktop as it is, with frames that may be black or frozen, and a tally of what was
    performed when."""

    def __init__(self, desktop: Desktop) -> None:
        self._desktop = desktop
        self._frozen: Screenshot | None = None
        self.frames = "real"
        self.performed: list[float] = []
        """When each action was done, by the monotonic clock."""

    @property
    def size(self) -> ScreenSize:
        return self._desktop.size

    def screenshot(self) -> Screenshot:
        seen = self._desktop.screenshot()
        match self.frames:
            case "black":
                return Screenshot(seen.image.point(lambda _: 0), seen.taken_at)
            case "frozen":
                self._frozen = self._frozen or seen
                return self._frozen
            case _:
                return seen

    def screenshot_of(self, box: Box) -> Screenshot:
        whole = self.screenshot()
        return Screenshot(whole.image.crop(box), whole.taken_at)

    def perform(self, action: Action) -> None:
        self._desktop.perform(action)
        self.performed.append(time.monotonic())

    def close(self) -> None:
        """Does nothing: the desktop belongs to whoever opened it."""


def _signal_all(name: str, number: int) -> Callable[[VirtualDesktop, Faulty], None]:
    """To every process of that name that has this desktop's cookie."""

    def strike(desktop: VirtualDesktop, _: Faulty) -> None:
        for pid in processes_named(desktop, name):
            os.kill(pid, number)

    return strike


def _end_sandbox(desktop: VirtualDesktop, _: Faulty) -> None:
    """By its first process, which all others end with."""
    inside = desktop.room.path("/proc/1/ns") / "pid"
    mark = os.stat(inside).st_ino
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if os.stat(folder / "ns/pid").st_ino == mark:
                    os.kill(int(folder.name), signal.SIGKILL)
            except OSError:
                continue


def _resize(desktop: VirtualDesktop, _: Faulty) -> None:
    display = connect(desktop.environment["DISPLAY"], Path(desktop.environment["XAUTHORITY"]))
    try:
        root = display.screen().root
        resources = root.xrandr_get_screen_resources()
        # The monitor must go before the screen can shrink below it.
        for crtc in resources.crtcs:
            display.xrandr_set_crtc_config(crtc, resources.config_timestamp, 0, 0, 0, 1, [])
        root.xrandr_set_screen_size(SIZE.width - 100, SIZE.height - 100, 100, 80)
        display.sync()
    finally:
        display.close()


def _frames(kind: str) -> Callable[[VirtualDesktop, Faulty], None]:
    def strike(_: VirtualDesktop, faulty: Faulty) -> None:
        faulty.frames = kind

    return strike


FAULTS = {
    "X server killed": Fault(strike=_signal_all("Xvfb", signal.SIGKILL), lost=True),
    "X server stopped": Fault(strike=_signal_all("Xvfb", signal.SIGSTOP), lost=True),
    "window manager killed": Fault(strike=_signal_all("openbox", signal.SIGKILL), lost=False),
    "sandbox killed": Fault(strike=_end_sandbox, lost=True, grace_seconds=2.0),
    "Chromium killed": Fault(strike=_signal_all("chromium", signal.SIGKILL), lost=False),
    "resized": Fault(strike=_resize, lost=False),
    "black frames": Fault(strike=_frames("black"), lost=False),
    "frozen frames": Fault(strike=_frames("frozen"), lost=False),
}


class Outcome(NamedTuple):
    ending: Ending
    seconds_after: float
    """From the fault to the ending."""
    num_steps: int
    trouble: str
    """What was wrong; empty: nothing."""


def one_run(fault: Fault, chance: random.Random, max_steps: int) -> Outcome:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="moonhand-proof-")))
        desktop = stack.enter_context(VirtualDesktop(SIZE))
        window = stack.enter_context(HeadedBrowser(desktop))
        window.page.set_content(PAGE)
        store = stack.enter_context(RunStore.create(folder, policy="scripted"))
        faulty = Faulty(desktop)
        struck: list[float] = []

        def strike() -> None:
            fault.strike(desktop, faulty)
            struck.append(time.monotonic())

        timer = threading.Timer(chance.uniform(0.2, max_steps * STEP_SECONDS / 2), strike)
        config = LoopConfig(max_steps=max_steps, max_repeats=8)
        loop = Loop(ScriptedPolicy(_answers(window, chance)), faulty, store, config)
        timer.start()
        result = loop.run("Click.")
        ended = time.monotonic()
        timer.join()
        store.close()
        after = ended - struck[0]
        return Outcome(
            result.ending,
            after,
            result.num_steps,
            _trouble(fault, result.ending, after, faulty, struck[0], store.folder),
        )


def _answers(window: HeadedBrowser, chance: random.Random) -> Iterator[str]:
    left, top = window.box.left, window.box.top
    while True:
        x = (left + chance.randrange(20, 400)) / SIZE.width
        y = (top + chance.randrange(20, 300)) / SIZE.height
        code = f"pyautogui.click(x={x:.4f}, y={y:.4f})"
        yield f"## Action:\nClick.\n\n## Code:\n```python\n{code}\n```"


def _trouble(
    fault: Fault, ending: Ending, after: float, faulty: Faulty, struck: float, folder: Path
) -> str:
    if after > HANG_SECONDS:
        return f"it took {after:.1f} s to end"
    if fault.lost and ending is not Ending.DESKTOP_LOST:
        return f"it ended as {ending.name}"
    late = [at - struck for at in faulty.performed if at > struck + fault.grace_seconds]
    if fault.lost and late:
        return f"performed on a lost display after {late[0]:.3f} s"
    condition = check(folder)
    if (
        condition.damage
        or condition.torn_bytes
        or not condition.closed
        or condition.bad_screenshots
    ):
        return condition.in_words()
    return ""


def processes_named(desktop: VirtualDesktop, name: str) -> list[int]:
    mark = os.fsencode(desktop.environment["XAUTHORITY"])
    found = []
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and (folder / "comm").read_text().strip() == name:
                told = (folder / "environ").read_bytes() + (folder / "cmdline").read_bytes()
                if mark in told:
                    found.append(int(folder.name))
        except OSError:
            # It ended while we looked.
            continue
    return found


def prove(name: str, num_runs: int, seed: int, max_steps: int = 25) -> Report:
    """One fault, again and again."""
    report = Report(name=name)
    slowest = 0.0
    for number in range(num_runs):
        chance = random.Random(f"{seed} {name} {number}")
        try:
            outcome = one_run(FAULTS[name], chance, max_steps)
        except DesktopLost as error:
            # It came while the page was still being set up: no episode had begun.
            report.count(f"before the episode: {type(error).__name__}")
            continue
        report.cases += 1
        report.count(f"ended as {outcome.ending.name}")
        report.count("steps", outcome.num_steps)
        slowest = max(slowest, outcome.seconds_after)
        if outcome.trouble:
            report.bad.append(f"seed {seed}, run {number}: {outcome.trouble}")
    report.count("slowest ending, milliseconds after the fault", round(slowest * 1000))
    return report


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--runs", type=int, default=20, help="of each fault")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("display-faults.json"))
    options = parser.parse_args(words)
    began = time.monotonic()
    reports = []
    for name in FAULTS:
        reports.append(prove(name, options.runs, options.seed))
        print(json.dumps(reports[-1].plain()), flush=True)
    told = {
        "command": f"python -m benchmarks.display_faults --runs {options.runs}"
        f" --seed {options.seed}",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(time.monotonic() - began),
        "faults": [report.plain() for report in reports],
    }
    options.out.write_text(json.dumps(told, indent=2) + "\n")
    return 1 if any(report.bad for report in reports) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
