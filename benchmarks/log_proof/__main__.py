"""Prints every proof and writes them to a JSON file; the exit code is 1 if a case was bad.

python -m benchmarks.log_proof --kills 10000 --states 1000000 --out log-proof.json
"""

import argparse
import json
import logging
import platform
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.log_proof.crashes import prove_crashes
from benchmarks.log_proof.damage import prove_damage
from benchmarks.log_proof.faults import prove_faults
from benchmarks.log_proof.kills import prove_kills
from benchmarks.log_proof.resumes import prove_resumes


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--states", type=int, default=100_000)
    parser.add_argument("--cuts", type=int, default=100_000)
    parser.add_argument("--steps", type=int, default=50, help="of the run on failing disks")
    parser.add_argument("--resumes", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("log-proof.json"))
    options = parser.parse_args(words)
    proofs = (
        (prove_kills, options.kills),
        (prove_crashes, options.states),
        (prove_damage, options.cuts),
        (prove_faults, options.steps),
        (prove_resumes, options.resumes),
    )
    # Thousands of torn tails are what is looked for here.
    logging.getLogger("trajectories").setLevel(logging.ERROR)
    reports = []
    for prove, count in proofs:
        began = time.monotonic()
        report = prove(count, options.seed)
        seconds = time.monotonic() - began
        reports.append({**report.plain(), "seconds": round(seconds, 1)})
        print(
            f"{report.name}: {report.cases} cases, {len(report.bad)} bad,"
            f" {report.counts}, {seconds:.0f} s"
        )
        for words_of_it in report.bad[:5]:
            print(f"  {words_of_it}")
    summary = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": platform.platform(),
        "seed": options.seed,
        "proofs": reports,
    }
    options.out.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    return 1 if any(report["bad"] for report in reports) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
