"""How long a picture of a 1920x1080 screen takes: ours, and the ways others take it, in one run.

python -m benchmarks.capture --looks 40
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import ImageGrab

from env.screen import ScreenSize
from env.virtual import VirtualDesktop
from env.x11_connection import authority_of_process

SIZE = ScreenSize(1920, 1080)


class Timed(NamedTuple):
    """Milliseconds. On a busy machine the least, and what our thread itself computed, say more."""

    least: float
    median: float
    own_median: float


def timed(look: Callable[[], object], num_looks: int) -> Timed:
    look()
    seconds, own = [], []
    for _ in range(num_looks):
        began, began_own = time.perf_counter(), time.thread_time()
        look()
        own.append(time.thread_time() - began_own)
        seconds.append(time.perf_counter() - began)
    return Timed(
        min(seconds) * 1000, statistics.median(seconds) * 1000, statistics.median(own) * 1000
    )


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--looks", type=int, default=40)
    options = parser.parse_args(words)
    with VirtualDesktop(SIZE) as desktop, tempfile.TemporaryDirectory() as folder:
        name, cookie = desktop.environment["DISPLAY"], Path(desktop.environment["XAUTHORITY"])
        file = Path(folder, "screen.png")

        def scrot() -> None:
            told = {**os.environ, "DISPLAY": name, "XAUTHORITY": str(cookie)}
            subprocess.run(("scrot", "-o", str(file)), env=told, check=True)

        with authority_of_process(cookie):
            ways: dict[str, Callable[[], object]] = {
                "ours": desktop.screenshot,
                "PIL.ImageGrab, as OSWorld's server takes it": lambda: ImageGrab.grab(
                    xdisplay=name
                ),
            }
            if shutil.which("scrot"):
                ways["scrot into a file"] = scrot
            ours = 0.0
            print(f"1920x1080, {options.looks} looks each, at a load of {os.getloadavg()[0]:.0f}")
            for way, look in ways.items():
                took = timed(look, options.looks)
                ours = ours or took.median
                print(
                    f"{way}: least {took.least:.1f} ms, median {took.median:.1f} ms,"
                    f" {took.median / ours:.1f} x; of the processor {took.own_median:.1f} ms"
                )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
