"""A log cut at every byte, and with every bit flipped."""

import tempfile
from pathlib import Path

from benchmarks.log_proof.workload import Report, begin, take_steps
from trajectories.errors import LogDamaged
from trajectories.log import LOG_NAME, scan
from trajectories.schema import RecordType
from trajectories.store import RunStore


def prove_damage(num_cases: int, seed: int) -> Report:
    """What is read is what was written, as far as it goes; that something is wrong is said."""
    report = Report(name="cut and flipped logs")
    while report.cases < num_cases:
        data = _log(num_steps=4 + seed % 3)
        seed += 1
        digests = [raw.digest for raw in scan(data)]
        for cut in range(len(data)):
            _look(data[:cut], digests, f"cut at {cut}", report)
        for at in range(len(data)):
            for bit in range(8):
                changed = data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]
                _look(changed, digests, f"bit {bit} of byte {at}", report)
                if report.cases >= num_cases:
                    return report
    return report


def _log(num_steps: int) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        with RunStore.create(Path(folder), policy="proof", durable=True) as store:
            begin(store)
            take_steps(store, 1, num_steps, lambda step: None, lambda step: None)
        return (store.folder / LOG_NAME).read_bytes()


def _look(data: bytes, digests: list[bytes], name: str, report: Report) -> None:
    report.cases += 1
    read = []
    closed = False
    end = 0
    try:
        for raw in scan(data):
            read.append(raw.digest)
            closed = raw.kind == RecordType.CLOSED
            end = raw.end
    except LogDamaged:
        report.count("damage named")
    else:
        report.count("torn tails" if end < len(data) else "cut between records")
        if closed and end == len(data):
            report.bad.append(f"{name}: nothing was noticed")
    if read != digests[: len(read)]:
        report.bad.append(f"{name}: another record was read than was written")
