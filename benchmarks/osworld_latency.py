"""What our client adds to an OSWorld machine's own latency: a look and a click through
`--desktop osworld://...`, beside the bare HTTP requests that any agent would send for them.

In turn and in one run, so that what else the machine does falls on both alike. The pointer's
place, asked after every click, says that it was done.

    python -m benchmarks.osworld_latency --server osworld://127.0.0.1:5000 --count 20
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median

import httpx2

from env.actions import Click, Point
from env.osworld import OSWorldDesktop
from env.osworld_client import OSWorldAddress

AIM = "import pyautogui; import time; pyautogui.FAILSAFE = False; pyautogui.click({x}, {y})"
"""As OSWorld's own controller sends it."""


def timed(do: Callable[[], object]) -> float:
    began = time.perf_counter()
    do()
    return time.perf_counter() - began


def bare(http: httpx2.Client, at: Point) -> None:
    picture = http.get("/screenshot")
    picture.raise_for_status()
    assert picture.content.startswith(b"\x89PNG"), "no picture"
    command = ["python", "-c", AIM.format(x=at.x, y=at.y)]
    done = http.post("/execute", json={"command": command, "shell": False})
    assert done.json()["returncode"] == 0, done.text


def ours(desktop: OSWorldDesktop, at: Point) -> None:
    desktop.screenshot()
    desktop.perform(Click(at))


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--server", required=True, help="osworld://HOST:PORT")
    parser.add_argument("--token", help="of a server that wants one")
    parser.add_argument("--count", type=int, default=20, help="looks with a click, of each")
    options = parser.parse_args(words)
    address = OSWorldAddress.parse(options.server)
    headers = {"Authorization": f"Bearer {options.token}"} if options.token else {}
    spent: dict[str, list[float]] = {"bare HTTP": [], "ours": []}
    with (
        httpx2.Client(
            base_url=address.url, headers=headers, timeout=130.0, trust_env=False
        ) as http,
        OSWorldDesktop(options.server, token=options.token) as desktop,
    ):
        for number in range(options.count + 1):
            turns = [("bare HTTP", partial(bare, http)), ("ours", partial(ours, desktop))]
            # Who comes second finds the machine otherwise than who comes first.
            for turn, (who, do) in enumerate(turns if number % 2 else reversed(turns)):
                at = Point(100 + 7 * number, 200 + 50 * turn)
                took = timed(partial(do, at))
                pointer = http.get("/cursor_position").json()
                assert pointer == [at.x, at.y], f"the pointer is at {pointer}"
                if number:
                    # The first of each opens what is kept open.
                    spent[who].append(took)
        size = desktop.size
    what = f"a look at {size.width}x{size.height} and a click"
    print(f"{what}, {options.count} of each, at a load of {os.getloadavg()[0]:.0f}")
    for who, seconds in spent.items():
        print(f"{who}: least {min(seconds) * 1000:.0f} ms, median {median(seconds) * 1000:.0f} ms")
    ratio = median(spent["ours"]) / median(spent["bare HTTP"])
    least = min(spent["ours"]) / min(spent["bare HTTP"])
    print(f"ours takes {ratio:.3f} times as long in the median, {least:.3f} at the least")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
