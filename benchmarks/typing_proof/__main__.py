"""Types random texts into a GTK field under several layouts and reads them back.

python -m benchmarks.typing_proof --texts 10000 --out typing-proof.json
"""

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.typing_proof.texts import random_text
from env.actions import Click, Point, TypeText
from env.errors import ActionRefused
from env.screen import ScreenSize
from env.virtual import VirtualDesktop

LAYOUTS = (
    ("us",),
    ("de",),
    ("fr",),
    ("ru",),
    ("us", "-variant", "intl"),
    ("us,ru",),
    ("gr",),
)
"""Arguments of setxkbmap."""

SYSTEM_PYTHON = "/usr/bin/python3"
FIELD = Path(__file__).with_name("field.py")
PATIENCE_SECONDS = 20.0


@dataclass(slots=True, kw_only=True)
class Report:
    texts: int = 0
    characters: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    """By the reason given."""
    bad: list[str] = field(default_factory=list)
    by_layout: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    """Spent typing."""


class Field:
    """The GTK program of `field.py` on a desktop."""

    def __init__(self, desktop: VirtualDesktop) -> None:
        self._process = subprocess.Popen(
            [SYSTEM_PYTHON, str(FIELD)],
            env={**desktop.environment, "GTK_IM_MODULE": "gtk-im-context-simple"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def clear(self) -> None:
        self._tell("clear")

    def read(self) -> tuple[bool, str]:
        """Whether it has the keyboard, and its text."""
        self._tell("read")
        assert self._process.stdout is not None
        focused, text = json.loads(self._process.stdout.readline())
        return bool(focused), str(text)

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _tell(self, word: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()


def prove_typing(count: int, seed: int) -> Report:
    report = Report()
    chance = random.Random(seed)
    with VirtualDesktop(ScreenSize(800, 600), sandbox=False) as desktop:
        window = Field(desktop)
        try:
            _wait_for_focus(desktop, window)
            for number in range(count):
                layout = LAYOUTS[number * len(LAYOUTS) // count]
                if report.by_layout[" ".join(layout)] == 0:
                    subprocess.run(
                        ["setxkbmap", "-layout", *layout],
                        env={**desktop.environment},
                        check=True,
                    )
                report.by_layout[" ".join(layout)] += 1
                _one(report, desktop, window, " ".join(layout), random_text(chance))
        finally:
            window.close()
    return report


def _wait_for_focus(desktop: VirtualDesktop, window: Field) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not window.read()[0]:
        if time.monotonic() > until:
            raise RuntimeError("the field never had the keyboard")
        desktop.perform(Click(Point(400, 300)))
        time.sleep(0.1)


def _one(report: Report, desktop: VirtualDesktop, window: Field, layout: str, text: str) -> None:
    window.clear()
    assert window.read()[1] == "", "emptied before anything is typed"
    report.texts += 1
    report.characters += len(text)
    began = time.monotonic()
    try:
        desktop.perform(TypeText(text))
    except ActionRefused as error:
        report.refused[str(error)] += 1
        if (found := window.read()[1]) != "":
            report.bad.append(f"{layout}: refused {text!r} and typed {found!r}")
        return
    report.seconds += time.monotonic() - began
    until = time.monotonic() + PATIENCE_SECONDS
    while (found := window.read()[1]) != text and time.monotonic() < until:
        if len(found) >= len(text):
            break
        time.sleep(0.005)
    if found != text:
        report.bad.append(f"{layout}: {text!r} came out as {found!r}")


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("typing-proof.json"))
    options = parser.parse_args(words)
    report = prove_typing(options.texts, options.seed)
    print(
        f"{report.texts} texts, {report.characters} characters, {len(report.bad)} wrong,"
        f" {report.refused.total()} refused, {report.seconds:.0f} s of typing"
    )
    for line in report.bad[:20]:
        print(f"  {line}")
    found: dict[str, Any] = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "seed": options.seed,
        "cores": len(os.sched_getaffinity(0)),
        "load": round(os.getloadavg()[0], 1),
        "texts": report.texts,
        "characters": report.characters,
        "refused": dict(report.refused),
        "bad": report.bad,
        "by_layout": dict(report.by_layout),
        "seconds_typing": round(report.seconds, 1),
    }
    options.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return 1 if report.bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
