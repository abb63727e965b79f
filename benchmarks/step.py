"""How long one observe-act step takes, and where the time goes.

Whole episodes through the agent's own loop, on MiniWoB++ pages in a browser without a
window; the parts are read from the log they leave. Beside them a peer, measured in the
same run on the same pages: Playwright's own screenshot, the least anyone who looks at a
page must wait for. Machines and their load differ; the ratio to the peer differs less.

    python benchmarks/step.py --model model/weights/nano --steps 60 --json step.json
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from agent.events import EpisodeStarted, Event, Performed, Refused  # noqa: E402
from agent.miniwob import MiniWob, evaluation_jobs, loop_config  # noqa: E402
from agent.policy import Policy  # noqa: E402
from benchmarks.conditions import conditions  # noqa: E402
from env.browser import BrowserDesktop  # noqa: E402
from env.miniwob.page import MiniWobPage  # noqa: E402
from trajectories.reading import read_run  # noqa: E402
from trajectories.store import RunStore  # noqa: E402

TASKS = ("click-button", "enter-text", "click-checkboxes", "click-tab-2", "navigate-tree")
STEPS_AN_EPISODE = 6
ROUND = 950
"""Of evaluation seeds; never trained on."""
PARTS = ("capture", "settle", "vision", "prefill", "decode", "act", "whole")
PEER = "bare screenshot"
WARM_UP_STEPS = 3
"""Left out: first calls load code, fonts and the network's pages."""


class Measured(NamedTuple):
    seconds: Mapping[str, Sequence[float]]
    """By part, one a step; the peer's among them."""
    tokens: Sequence[int]
    """Of each answer."""


class Stopwatch:
    """From the end of one step to the end of the next, as the events tell it."""

    def __init__(self) -> None:
        self.whole: list[float] = []
        self._since = 0.0

    def __call__(self, event: Event) -> None:
        now = time.perf_counter()
        match event:
            case EpisodeStarted():
                self._since = now
            case Performed() | Refused():
                self.whole.append(now - self._since)
                self._since = now
            case _:
                pass


def measure(policy: Policy, num_steps: int, folder: Path) -> Measured:
    """Run episodes until there are enough steps."""
    seconds: defaultdict[str, list[float]] = defaultdict(list)
    watch = Stopwatch()
    with BrowserDesktop() as desktop, RunStore.create(folder, policy="measured") as store:
        world = MiniWob(MiniWobPage(desktop.page), desktop, store)
        jobs = evaluation_jobs(TASKS, 1 + num_steps // len(TASKS), ROUND)
        # Task by task they come; in turns they are wanted, so that few steps see all.
        for job in sorted(jobs, key=lambda job: job.seed):
            world.run(job, policy, loop_config(max_steps=STEPS_AN_EPISODE), emit=watch)
            seconds[PEER] += [bare_screenshot(desktop) for _ in range(3)]
            if len(watch.whole) >= num_steps + WARM_UP_STEPS:
                break
    tokens = []
    for step_seconds, num_tokens in logged(store.folder):
        tokens.append(num_tokens)
        for part, spent in step_seconds.items():
            seconds[part].append(spent)
    seconds["whole"] = watch.whole
    return Measured(
        {part: spent[WARM_UP_STEPS:] for part, spent in seconds.items()}, tokens[WARM_UP_STEPS:]
    )


def bare_screenshot(desktop: BrowserDesktop) -> float:
    clip = {"x": 0.0, "y": 0.0, "width": 160.0, "height": 210.0}
    began = time.perf_counter()
    desktop.page.screenshot(clip=clip)  # type: ignore[arg-type]
    return time.perf_counter() - began


def logged(run: Path) -> Iterator[tuple[dict[str, float], int]]:
    """The parts of every step that was answered, and how long its answer was."""
    for episode in read_run(run).episodes:
        for step in episode.steps:
            if step.intent is None or step.outcome is None:
                continue
            yield (
                {
                    "capture": step.observation.capture_seconds,
                    "settle": step.observation.settle_seconds,
                    "act": step.outcome.act_seconds,
                    **{part: step.intent.seconds[part] for part in ("vision", "prefill", "decode")},
                },
                len(step.intent.token_ids),
            )


def summary(measured: Measured) -> dict[str, dict[str, float]]:
    """Median and 90th percentile in ms, and the median over the peer's."""
    peer = median(measured.seconds[PEER])
    rows = {}
    for part in (*PARTS, PEER):
        spent = measured.seconds[part]
        rows[part] = {
            "median_ms": round(median(spent) * 1000, 2),
            "p90_ms": round(quantiles(spent, n=10)[-1] * 1000, 2),
            "times_peer": round(median(spent) / peer, 2),
        }
    a_token = [
        spent / count
        for spent, count in zip(measured.seconds["decode"], measured.tokens, strict=True)
    ]
    rows["decode, a token"] = {
        "median_ms": round(median(a_token) * 1000, 2),
        "p90_ms": round(quantiles(a_token, n=10)[-1] * 1000, 2),
        "times_peer": round(median(a_token) / peer, 3),
    }
    return rows


def table(rows: Mapping[str, Mapping[str, float]]) -> str:
    lines = [f"{'part':<16}{'median ms':>10}{'p90 ms':>10}{'x peer':>8}"]
    for part, row in rows.items():
        lines.append(
            f"{part:<16}{row['median_ms']:>10.1f}{row['p90_ms']:>10.1f}{row['times_peer']:>8.2f}"
        )
    return "\n".join(lines)


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--model", type=Path, default=ROOT / "model" / "weights" / "nano")
    parser.add_argument("--steps", type=int, default=60, help="steps measured, after the first 3")
    parser.add_argument("--threads", type=int, default=2, help="of torch")
    parser.add_argument(
        "--dtype", choices=("float32", "bfloat16"), help="default: as the agent chooses"
    )
    parser.add_argument(
        "--without",
        nargs="+",
        default=[],
        choices=("prefix", "features", "forced", "guesses"),
        help="ways to compute less that are left out",
    )
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args(words)
    if options.steps < 10:
        parser.error(f"{options.steps} steps; expected at least 10 for a percentile")
    # Read when torch is imported, which is why that waits until here.
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    import torch

    from model.chat import ChatModel
    from model.generate import Shortcuts

    policy = ChatModel.from_pretrained(
        options.model, dtype=getattr(torch, options.dtype) if options.dtype else None
    )
    shortcuts = Shortcuts(**dict.fromkeys(options.without, False))
    policy = ChatModel(policy.network, policy.processor, shortcuts)
    with tempfile.TemporaryDirectory() as folder:
        measured = measure(policy, options.steps, Path(folder))
    rows = summary(measured)
    measured_in = conditions()
    print(table(rows))
    print(
        f"\n{len(measured.tokens)} steps, {median(measured.tokens):.0f} tokens an answer,"
        f" {options.threads} threads on {measured_in['cores']} cores"
        f" at a load of {measured_in['load']:.1f}"
    )
    if options.json is not None:
        found = {
            "rows": rows,
            "steps": len(measured.tokens),
            "median_tokens": median(measured.tokens),
            "model": str(options.model),
            "threads": options.threads,
            "without": options.without,
            **measured_in,
        }
        options.json.write_text(json.dumps(found, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
