"""Under what a figure was measured, for the file it is written to."""

import os
import platform
import time
from typing import Any


def conditions() -> dict[str, Any]:
    return {
        "cores": len(os.sched_getaffinity(0)),
        "load": round(os.getloadavg()[0], 2),
        "machine": platform.processor() or platform.machine(),
        "date": time.strftime("%Y-%m-%d"),
    }
