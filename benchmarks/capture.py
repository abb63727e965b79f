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

from PIL import ImageGrab

from env.screen import ScreenSize
from env.virtual import VirtualDesktop
from env.x11_connection import authority_of_process

SIZE = ScreenSize(1920, 1080)


def timed(look: Callable[[], object], num_looks: int) -> tuple[float, float]:
    """The least and the median, in milliseconds. On a busy machine the least says more."""
    look()
    seconds = []
    for _ in range(num_looks):
        began = time.perf_counter()
        look()
        seconds.append(time.perf_counter() - began)
    return min(seconds) * 1000, statistics.median(seconds) * 1000


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
            for way, look in ways.items():
                least, median = timed(look, options.looks)
                ours = ours or median
                print(f"{way}: least {least:.1f} ms, median {median:.1f} ms, {median / ours:.1f} x")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
