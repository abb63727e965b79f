"""Prints every proof and writes them to a JSON file; the exit code is 1 if a case was bad.

python -m benchmarks.stop_proof --stops 1000 --kills 1000 --events 100000 --out stop-proof.json
"""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.stop_proof.kills import prove_kills
from benchmarks.stop_proof.own_input import prove_own_input
from benchmarks.stop_proof.stops import prove_stops


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stops", type=int, default=100)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--events", type=int, default=10_000, help="of our own input")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("stop-proof.json"))
    options = parser.parse_args(words)
    proofs = (
        (prove_stops, options.stops),
        (prove_kills, options.kills),
        (prove_own_input, options.events),
    )
    reports = []
    for prove, count in proofs:
        began = time.monotonic()
        report = prove(count, options.seed)
        plain = report.plain()
        reports.append({**plain, "seconds": round(time.monotonic() - began, 1)})
        print(f"{report.name}: {report.cases} cases, {len(report.bad)} bad")
        for what, found in plain["milliseconds"].items():
            print(f"  {what}: {found} ms")
        for line in report.bad[:10]:
            print(f"  {line}")
    summary = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": platform.platform(),
        "cores": len(os.sched_getaffinity(0)),
        "load": round(os.getloadavg()[0], 1),
        "seed": options.seed,
        "proofs": reports,
    }
    options.out.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    return 1 if any(report["bad"] for report in reports) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
