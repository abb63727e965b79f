"""Under what a figure was measured, for the file it is written to."""

import os
import platform
import time
from pathlib import Path
from typing import Any


def conditions() -> dict[str, Any]:
    return {
        "cores": len(os.sched_getaffinity(0)),
        "load": round(os.getloadavg()[0], 2),
        "machine": cpu_name(),
        "date": time.strftime("%Y-%m-%d"),
    }


def cpu_name() -> str:
    told = Path("/proc/cpuinfo")
    for line in told.read_text().splitlines() if told.is_file() else ():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
