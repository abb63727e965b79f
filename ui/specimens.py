"""Runs, an evaluation and findings made up, with fixed times: for trying and picturing the screens.

The form in memory, worked in two or three steps; a suite of which three tasks of five are done.
"""

import json
from io import BytesIO
from pathlib import Path

from agent.doctor import Finding, State
from env.actions import Click, Point
from env.fake import BUTTON, CHECK_BOX, FAKE_SIZE, FakeDesktop
from trajectories import action_json
from trajectories.results import Results, TaskKey, plan
from trajectories.schema import EpisodeEnd, EpisodeStart, Intent, Observation, Outcome
from trajectories.store import RunStore
from ui.models_on_disk import ModelOnDisk

NOON = 1_764_158_400.0
"""26 November 2025, 12:00 UTC."""

MODELS = [
    ModelOnDisk(name="nano", folder=Path("model/weights/nano"), num_bytes=44 * 10**6),
    ModelOnDisk(name="models/thinking", folder=Path("models/thinking"), num_bytes=33 * 10**9),
]
FINDINGS = [
    Finding("system", State.GOOD, "Debian GNU/Linux 12, 2 cores"),
    Finding("sandbox", State.LACKING, "no user namespaces", "sysctl kernel.unprivileged=1"),
    Finding("display", State.BROKEN, "no Xvfb", "apt install xvfb"),
]


def write_run(
    parent: Path, instruction: str, *, done: bool, steps: int = 2, task: str = "free"
) -> Path:
    """A run with one episode; its last step presses the button, those before check the box."""
    desktop = FakeDesktop()
    picture = BytesIO()
    desktop.screenshot().image.save(picture, "PNG")
    with RunStore.create(parent, policy="nano", durable=False) as store:
        size = {"width": FAKE_SIZE.width, "height": FAKE_SIZE.height}
        store.append(EpisodeStart(task=task, instruction=instruction, started_at=NOON, **size))
        for step in range(1, steps + 1):
            click = Click(Point(*(BUTTON if step == steps else CHECK_BOX).center))
            image = store.store_image(picture.getvalue())
            store.append(
                Observation(
                    step=step,
                    image=image,
                    taken_at=NOON + step,
                    capture_seconds=0.03,
                    settle_seconds=0.1,
                    settled=True,
                    **size,
                )
            )
            store.append(
                Intent(
                    step=step,
                    response=f"## Thought:\nStep {step} is the form.\n## Action:\nClick {step}.\n",
                    thought=f"Step {step} is the form.",
                    sentence=f"Click {step}.",
                    actions=[action_json.encode(click)],
                    seconds={"model": 0.2},
                )
            )
            store.append(Outcome(step=step, performed=1, act_seconds=0.01))
        store.append(
            EpisodeEnd(ending="DONE" if done else "STEP_LIMIT", score=1.0 if done else 0.0)
        )
        return store.folder


def write_two_runs(folder: Path) -> None:
    """Below `runs`, one done and one not."""
    write_run(folder / "runs", "Water the plants.", done=True)
    write_run(folder / "runs", "Feed the cat.", done=False, steps=3)


def write_evaluation(folder: Path) -> Results:
    """Below `results`, of a suite: three tasks of five are done, the failed one with its run."""
    results = Results(folder / "results" / "form", "nano")
    results.claim({"suite": "desktop", "model": "nano"})
    plan(results.out, 5)
    for at, (domain, task, score) in enumerate(
        [("files", "rename", 1.0), ("files", "move", 0.0), ("writer", "bold", 1.0)]
    ):
        place = results.folder(TaskKey(domain, task))
        place.mkdir(parents=True)
        if not score:
            write_run(place, f"Please {task}.", done=False, task=task)
        record = {
            "domain": domain,
            "task": task,
            "score": score,
            "ending": "DONE" if score else "STEP_LIMIT",
            "num_steps": 2 + at,
            "seconds": {"total": 4.5 + at},
            "ended_at": NOON + 60.0 * at,
        }
        (place / "episode.json").write_text(json.dumps(record))
    return results
