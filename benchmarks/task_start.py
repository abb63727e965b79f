"""How long a task takes until its first look: desktop, application, files, screen at rest.

python -m benchmarks.task_start --repeats 5 [--domains gimp,thunderbird]

OSWorld's virtual machine: 15 to 90 s to revert and boot, and 60 s that are always waited.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from agent.desktop_stages import DesktopStages, osworld_jobs
from agent.stages import TaskJob
from env.tasks.suites.desktop.make import EXAMPLES, make


def run(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3, help="of each domain's first task")
    parser.add_argument("--domains", default="", help="with commas; empty: all")
    options = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="moonhand-start-") as folder:
        inputs = Path(folder) / "inputs"
        make(inputs)
        stages = DesktopStages(mirror=inputs)
        first = {job.domain: job for job in reversed(osworld_jobs(EXAMPLES, options.domains))}
        everything = []
        for domain, job in sorted(first.items()):
            seconds = [_start(stages, job, Path(folder) / "files") for _ in range(options.repeats)]
            everything += seconds
            print(
                f"{domain:22} {median(seconds):5.1f} s  ({min(seconds):.1f} to {max(seconds):.1f})"
            )
    load, _, _ = os.getloadavg()
    cores = len(os.sched_getaffinity(0))
    print(f"median of all: {median(everything):.1f} s; load {load:.1f} on {cores} cores")
    return 0


def _start(stages: DesktopStages, job: TaskJob, folder: Path) -> float:
    began = time.monotonic()
    with stages(job, folder) as stage:
        stage.prepare()
        stage.desktop.screenshot()
        return time.monotonic() - began


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
