"""What the cockpit costs and how quickly it obeys.

Idle: the part of a core it takes with nothing going on. Picture: from the event of a picture to the
frame that shows it. Step: `benchmarks.ui_steps`, here with few pages. Stop: from the
key to the moment the session knows, while a thought streams; and from the knock at the hands' door
to the last key they press, with the session's process frozen (SIGSTOP) while it types.

    python benchmarks/ui.py --json ui.json
"""

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path
from statistics import median, quantiles

import psutil
from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from agent.action_text import action_text, finish_text  # noqa: E402
from agent.reports import Begin, Glimpse, Report, Saw, State  # noqa: E402
from agent.watch import private_folder  # noqa: E402
from benchmarks.ui_ratios import told  # noqa: E402
from benchmarks.ui_steps import drain, played  # noqa: E402
from env.actions import Click, Point  # noqa: E402
from env.fake import BUTTON, CHECK_BOX, FAKE_SIZE  # noqa: E402
from ui.app import Cockpit, Places  # noqa: E402
from ui.aside import stand_up, step_aside  # noqa: E402
from ui.connection import Reported  # noqa: E402
from ui.rehearsal import rehearsal  # noqa: E402
from ui.runner import SessionSetup  # noqa: E402

WORDS = "word " * 200
_CLOCK_SECONDS = 2**32 / 1e3
"""The display counts milliseconds in 32 bits."""
THOUGHT = f"## Thought:\n{WORDS}\n"


def answers(count: int) -> list[str]:
    both = [
        action_text(Click(Point(*box.center)), FAKE_SIZE, words="Click it.", thought="So.")
        for box in (CHECK_BOX, BUTTON)
    ]
    return [both[number % 2] for number in range(count)] + [finish_text(True, words="Done.")]


def cockpit(folder: Path, socket: Path | None) -> Cockpit:
    places = Places(sockets=folder, history=None, runs=folder / "runs", results=folder / "results")
    return Cockpit(places, SessionSetup(desktop="fake"), attach=socket)


def idle(seconds: float) -> float:
    """Part of one core of a real cockpit, in a terminal nobody types into."""
    with tempfile.TemporaryDirectory(prefix="mh-") as runtime:
        master, slave = os.openpty()
        threading.Thread(target=drain, args=(master,), daemon=True).start()
        process = subprocess.Popen(
            (sys.executable, str(ROOT / "main.py"), "--graphics", "blocks"),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env={**os.environ, "XDG_RUNTIME_DIR": runtime, "TERM": "xterm-256color"},
        )
        try:
            watched = psutil.Process(process.pid)
            _until_calm(watched)
            before = sum(watched.cpu_times()[:2])
            time.sleep(seconds)
            return float(sum(watched.cpu_times()[:2]) - before) / seconds
        finally:
            process.kill()
            process.wait()
            os.close(slave)


def _until_calm(process: "psutil.Process") -> None:
    """Its imports are done when a second passes with little work."""
    for _ in range(60):
        before = sum(process.cpu_times()[:2])
        time.sleep(1.0)
        if sum(process.cpu_times()[:2]) - before < 0.05:
            return


def pictures(count: int, screen: Image.Image) -> list[float]:
    """Seconds from the session's announcement of a picture, its JPEG not yet made, to the frame in
    which it is drawn, at 120x40. Every other one is a glimpse, with which all else is drawn.

    Args:
        screen: as it looks; each time a mark is elsewhere on it.
    """
    from agent.announce import jpeg_of
    from agent.reports import Began, Opened
    from ui.picture import BlockPicture

    spent: list[float] = []

    async def go(folder: Path) -> None:
        app = cockpit(folder, None)
        async with app.run_test(size=(120, 40)) as pilot:
            opened = Opened(session="a", pid=1, model="m", desktop="d", unattended="go on")
            began = Began(
                task="free", instruction="a", max_steps=9, width=1280, height=720, folder=""
            )
            for report in (opened, State(mood="working"), began):
                app.post_message(Reported(report))
            await pilot.pause()
            shown = app.screen.query_one("#live").query_one(BlockPicture)
            # As a real one does: else garbage is looked for among all there is, for 60 ms and more.
            step_aside()
            for number in range(count):
                seen = screen.copy()
                seen.paste("red", (20 * (number % 50), 100, 20 * (number % 50) + 60, 160))
                start = time.time()
                jpeg = jpeg_of(seen)
                step = number // 2 + 1
                come: Report = (
                    Saw(step=step, at=start, seconds=0.1, image=f"{number}", jpeg=jpeg)
                    if number % 2
                    else Glimpse(at=start, jpeg=jpeg)
                )
                app.post_message(Reported(come))
                # The next step of an agent comes no sooner.
                await asyncio.sleep(0.3)
                while shown.drawn_at < start:
                    await asyncio.sleep(0.005)
                spent.append(shown.drawn_at - start)

    try:
        with tempfile.TemporaryDirectory(prefix="mh-") as folder:
            asyncio.run(go(private_folder(Path(folder) / "s")))
    finally:
        stand_up()
    return spent[1:]


def stops(count: int) -> list[float]:
    """Seconds from the key to the session's control being stopped, while a thought streams."""
    spent: list[float] = []

    async def go(folder: Path) -> None:
        for number in range(count):
            private = private_folder(folder / f"{number}")
            streaming = [f"{THOUGHT}{answer}" for answer in answers(4)]
            with rehearsal(private, streaming, seconds_a_piece=0.01) as hosted:
                app = cockpit(private, hosted.socket)
                async with app.run_test(size=(120, 40)) as pilot:
                    while app.progress.state is None:
                        await pilot.pause(0.01)
                    app.order(Begin(instruction="Go."))
                    while not (app.progress.last and len(app.progress.last.answer) > 100):
                        await pilot.pause(0.01)
                    heard: list[float] = []
                    hosted.session.control.subscribe(partial(_note_now, heard))
                    start = time.perf_counter()
                    await pilot.press("ctrl+k")
                    while not heard:
                        await asyncio.sleep(0.001)
                    spent.append(heard[0] - start)

    with tempfile.TemporaryDirectory(prefix="mh-") as folder:
        asyncio.run(go(Path(folder)))
    return spent


def frozen_stops(count: int) -> list[float]:
    """Seconds from the key's order to the last event that is injected, the session's process
    frozen in the middle of typing; by the display's own clock, which is the machine's.

    Without the knock at the hands' door it would be what is left of their lease.
    """
    from benchmarks.stop_proof.stage import opened_stage
    from benchmarks.ui_session import QUIET_SECONDS, worked_screen
    from ui.emergency import stop_hands

    spent: list[float] = []
    with (
        tempfile.TemporaryDirectory(prefix="mh-") as name,
        opened_stage() as stage,
        worked_screen(stage, private_folder(Path(name) / "s")) as worked,
    ):
        for _ in range(count):
            worked.begin()
            worked.freeze()
            start = time.monotonic() % _CLOCK_SECONDS
            stop_hands(worked.pid, "stopped by the user")
            time.sleep(QUIET_SECONDS)
            presses = worked.pressed()
            spent.append(max(0.0, presses[-1] / 1e3 - start) if presses else 0.0)
            worked.thaw()
            if worked.over().reason != "stopped by the user":
                raise RuntimeError(f"it ended as {worked.over()}")
    return spent


def _note_now(times: list[float]) -> None:
    times.append(time.perf_counter())


def p99(values: list[float]) -> float:
    return quantiles(values, n=100)[-1] if len(values) > 1 else values[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--idle-seconds", type=float, default=30.0)
    parser.add_argument("--pictures", type=int, default=50)
    parser.add_argument("--pages", type=int, default=5, help="each done watched and unwatched")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of the network")
    parser.add_argument("--step-seconds", type=float, default=120.0)
    parser.add_argument("--stops", type=int, default=30)
    parser.add_argument("--frozen-stops", type=int, default=30)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    screen = Image.open(ROOT / "docs" / "run.png").convert("RGB").resize((1280, 720))
    shown = pictures(options.pictures, screen)
    noise = Image.effect_noise((1280, 720), 80).convert("RGB")
    noisy = pictures(options.pictures, noise)
    stopped = stops(options.stops)
    frozen = frozen_stops(options.frozen_stops)
    share = idle(options.idle_seconds)
    episodes = played(
        range(options.pages), times=2, threads=options.threads, seconds=options.step_seconds
    )
    result = {
        "idle_core_share": round(share, 4),
        "picture_ms": {"median": median(shown) * 1e3, "p99": p99(shown) * 1e3},
        "noise_ms": {"median": median(noisy) * 1e3, "p99": p99(noisy) * 1e3},
        "stop_ms": {"median": median(stopped) * 1e3, "p99": p99(stopped) * 1e3},
        "frozen_stop_ms": {"median": median(frozen) * 1e3, "p99": p99(frozen) * 1e3},
        "step": told(episodes),
        "load": os.getloadavg(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }
    print(json.dumps(result, indent=2))
    if options.json is not None:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
