"""What it costs that a step survives a power cut before it is acted on.

Each step stores another 1280x720 screenshot (a PNG of about 300 KB) and the records of
look, intent and outcome, with the syncs of a real run. Between the look and the intent the
network would think; the time it takes is slept here and not counted, what the agent waits for
is. Beside it in the same run, the same bytes into SQLite (WAL, synchronous=FULL), and into plain
files without a sync, which is what OSWorld's runner does. The disk is shared with others here:
compare the ratios.

    python benchmarks/log_step.py --steps 300 --folder runs --json log_step.json
"""

import argparse
import json
import os
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import quantiles

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from PIL import Image  # noqa: E402

from env.screen import Screenshot  # noqa: E402
from trajectories.schema import EpisodeStart, Intent, Observation, Outcome  # noqa: E402
from trajectories.store import RunStore  # noqa: E402

INTENT_TOKENS = 200


def screens(number: int) -> Iterator[bytes]:
    """PNG files of about 300 KB, no two alike: a quarter of the screen is noise."""
    chance = random.Random(0)
    for _ in range(number):
        image = Image.new("RGB", (1280, 720), (240, 240, 244))
        image.paste(Image.frombytes("L", (640, 440), chance.randbytes(640 * 440)), (100, 100))
        yield Screenshot(image, 0.0).png()


Keep = Callable[[int, bytes, float], float]
"""Step, PNG and seconds of thought; gives the seconds that were waited."""


def ours(folder: Path) -> Keep:
    store = RunStore.create(folder, policy="benchmark")
    store.append(EpisodeStart(task="t", instruction="Go.", width=1280, height=720, started_at=0.0))

    def keep(step: int, png: bytes, thought: float) -> float:
        began = time.perf_counter()
        image = store.store_image(png)
        store.append(
            Observation(
                step=step,
                image=image,
                width=1280,
                height=720,
                taken_at=0.0,
                capture_seconds=0.0,
                settle_seconds=0.0,
                settled=True,
            )
        )
        looked = time.perf_counter()
        time.sleep(thought)
        thought_until = time.perf_counter()
        store.append(_intent(step), sync=True)
        store.append(Outcome(step=step, performed=1))
        return time.perf_counter() - thought_until + looked - began

    return keep


def _intent(step: int) -> Intent:
    return Intent(
        step=step,
        response="r" * 400,
        thought="t" * 200,
        sentence="s" * 60,
        token_ids=list(range(INTENT_TOKENS)),
        log_probs=[-0.5] * INTENT_TOKENS,
    )


def sqlite(folder: Path) -> Keep:
    connection = sqlite3.connect(folder / "steps.sqlite", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE steps (step INTEGER, png BLOB, said TEXT)")

    def keep(step: int, png: bytes, thought: float) -> float:
        began = time.perf_counter()
        said = json.dumps(_intent(step).token_ids) + "r" * 2000
        connection.execute("INSERT INTO steps VALUES (?, ?, ?)", (step, png, said))
        return time.perf_counter() - began

    return keep


def plain(folder: Path) -> Keep:
    log = (folder / "traj.jsonl").open("a")

    def keep(step: int, png: bytes, thought: float) -> float:
        began = time.perf_counter()
        (folder / f"{step}.png").write_bytes(png)
        log.write(json.dumps({"step": step, "ids": _intent(step).token_ids, "r": "r" * 2000}))
        log.flush()
        return time.perf_counter() - began

    return keep


def main(words: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--folder", type=Path, default=ROOT, help="on the disk to be measured")
    parser.add_argument("--think-seconds", type=float, default=0.1, help="of the network")
    parser.add_argument("--step-seconds", type=float, default=2.0, help="a whole step of the agent")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(words)
    ways = {"ours": ours, "sqlite": sqlite, "plain": plain}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        keepers = {}
        for name, way in ways.items():
            (Path(folder) / name).mkdir()
            keepers[name] = way(Path(folder) / name)
        for step, png in enumerate(screens(options.steps), start=1):
            # In turn, so that what else the disk does falls on all alike.
            for name, keep in keepers.items():
                seconds[name].append(keep(step, png, options.think_seconds))
    figures = {}
    for name, all_seconds in seconds.items():
        cuts = quantiles(all_seconds, n=100)
        figures[name] = {"p50_ms": cuts[49] * 1e3, "p95_ms": cuts[94] * 1e3}
        ratio = cuts[49] * 1e3 / figures["ours"]["p50_ms"]
        print(
            f"{name:8} p50 {cuts[49] * 1e3:6.2f} ms  p95 {cuts[94] * 1e3:6.2f} ms"
            f"  p99 {cuts[98] * 1e3:6.2f} ms  {ratio:5.2f} x ours"
        )
    share = figures["ours"]["p95_ms"] / 1e3 / options.step_seconds
    print(f"p95 of ours is {share:.2%} of a step of {options.step_seconds:g} s")
    if options.json:
        load = os.getloadavg()[0]
        options.json.write_text(json.dumps({"load": load, "figures": figures}, indent=2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
