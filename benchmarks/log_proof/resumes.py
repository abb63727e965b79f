"""A whole agent, killed at random moments and resumed: is anything done twice?"""

import os
import random
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from PIL import Image

from agent.loop import Loop, LoopConfig
from benchmarks.log_proof.lives import live_and_die
from benchmarks.log_proof.workload import Report
from env.actions import Action, TypeText
from env.desktop import Desktop
from env.screen import Screenshot, ScreenSize
from model.messages import Completion, Message, OnText, Sampling
from trajectories.reading import IN_DOUBT, Episode, read_run
from trajectories.store import RunStore, find_runs

RESUMES_A_RUN = 20
MOST_ACTIONS_WAITED_FOR = 2
"""Killed in the moment an action was told of, an agent leaves it in doubt, on any machine."""
LONGEST_REST_SECONDS = 0.03
LINE_BYTES = 17


def prove_resumes(num_resumes: int, seed: int) -> Report:
    """No action reaches the screen twice, and none whose intent is not in the log."""
    report = Report(name="resumed episodes")
    chance = random.Random(seed)
    while report.cases < num_resumes:
        with tempfile.TemporaryDirectory() as folder:
            performed: list[str] = []
            for _ in range(min(RESUMES_A_RUN, num_resumes - report.cases)):
                performed += _live_and_die(Path(folder), chance, report)
                report.cases += 1
                trouble = _is_bad(Path(folder), performed, report)
                if trouble:
                    report.bad.append(f"seed {seed}, resume {report.cases}: {trouble}")
            report.count("actions performed", len(performed))
    return report


class _Telling(Desktop):
    """Every action changes the screen, and is told through a pipe."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        self._shade = 0

    @property
    def size(self) -> ScreenSize:
        return ScreenSize(16, 16)

    @property
    def reaction_seconds(self) -> float:
        return 0.0

    def screenshot(self) -> Screenshot:
        shade = self._shade % 256
        return Screenshot(Image.new("RGB", self.size, (shade, shade, shade)), 0.0)

    def perform(self, action: Action) -> None:
        assert isinstance(action, TypeText)
        os.write(self._pipe, f"{action.text}\n".encode())
        self._shade += 1

    def close(self) -> None:
        return


class _Unique:
    """Never says the same thing twice, in this life or a later one."""

    def complete(
        self, messages: Sequence[Message], *, sampling: Sampling, on_text: OnText | None = None
    ) -> Completion:
        word = os.urandom(8).hex()
        text = f"## Action:\nType.\n## Code:\n```python\npyautogui.write('{word}')\n```"
        if on_text:
            on_text(text)
        return Completion(text=text, token_ids=(), log_probs=(), finished=True)


def _live_and_die(folder: Path, chance: random.Random, report: Report) -> list[str]:
    awaited = chance.randint(0, MOST_ACTIONS_WAITED_FOR)
    seconds = chance.random() * LONGEST_REST_SECONDS * chance.randint(0, 1)
    told = live_and_die(partial(_act, folder), seconds, awaited * LINE_BYTES)
    lines = [line for line in told.decode().split("\n") if line]
    if len(lines) < awaited:
        report.bad.append(f"an agent ended by itself after {len(lines)} actions of {awaited}")
    return lines


def _act(folder: Path, pipe: int) -> None:
    config = LoopConfig(max_steps=10_000)
    interrupted = _interrupted(folder)
    if interrupted is None:
        store = RunStore.create(folder, policy="unique")
        Loop(_Unique(), _Telling(pipe), store, config).run("Go on.")
    else:
        store = RunStore(find_runs(folder)[0])
        Loop(_Unique(), _Telling(pipe), store, config).resume(interrupted)


def _interrupted(folder: Path) -> Episode | None:
    """None: no process lived long enough to begin one, and what it left is moved away."""
    for run in folder.glob("run-*"):
        if (run / "run.json").exists():
            episodes = read_run(run).episodes
            if episodes:
                return episodes[-1]
        run.rename(folder / f"unborn-{run.name}")
    return None


def _is_bad(folder: Path, performed: list[str], report: Report) -> str | None:
    if len(performed) != len(set(performed)):
        return f"performed twice: {[word for word in performed if performed.count(word) > 1]}"
    runs = list(folder.glob("run-*/run.json"))
    if not runs:
        return "the run is gone" if performed else None
    episodes = read_run(runs[0].parent).episodes
    if not episodes:
        return "the episode is gone" if performed else None
    (episode,) = episodes
    answered = [step for step in episode.steps if step.intent is not None]
    if [step.number for step in answered] != list(range(1, len(answered) + 1)):
        return f"steps {[step.number for step in answered]} are not in order"
    meant = {action["text"] for step in answered if step.intent for action in step.intent.actions}
    if not set(performed) <= meant:
        return f"performed without an intent: {set(performed) - meant}"
    if answered and answered[-1].outcome is None:
        report.count("left in doubt")
        if answered[-1].as_past().error != IN_DOUBT:
            return "the policy would not be told of the doubt"
    return None
