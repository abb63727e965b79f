"""How well the scripted experts do: `python -m env.miniwob.check --tasks click-link,use-slider`.

Prints a line per task: successes, mean steps, mean milliseconds an episode, seeds that failed.
"""

import argparse
import time
from dataclasses import dataclass

from env.browser import BrowserDesktop
from env.errors import EnvError
from env.miniwob.experts.registry import expert_for, expert_tasks
from env.miniwob.page import PIX2ACT_59, MiniWobPage

MAX_STEPS = 30
SUCCESS_ABOVE = 0.8
"""Raw reward. Geometry tasks pay 1 minus a distance that whole pixels cannot make 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    seed: int
    reward: float
    steps: int
    seconds: float
    note: str
    """Why it went wrong, or ""."""


def run_expert(
    desktop: BrowserDesktop, page: MiniWobPage, seed: int, max_steps: int = MAX_STEPS
) -> Episode:
    """One episode of the open task, every step decided by its expert."""
    assert page.task is not None
    expert = expert_for(page.task)
    started = time.monotonic()
    page.reset(seed)
    steps, note = 0, ""
    try:
        while steps < max_steps and not page.is_over():
            desktop.perform(expert(page).action)
            steps += 1
    except EnvError as error:
        note = f"{type(error).__name__}: {error}"
    outcome = page.outcome()
    if not outcome.done and not note:
        note = f"not done after {steps} steps"
    return Episode(
        seed=seed,
        reward=outcome.raw_reward,
        steps=steps,
        seconds=time.monotonic() - started,
        note=note,
    )


def check(tasks: list[str], episodes: int, first_seed: int) -> None:
    solved_tasks = 0
    with BrowserDesktop() as desktop:
        page = MiniWobPage(desktop.page)
        for task in tasks:
            page.open(task)
            runs = [run_expert(desktop, page, first_seed + n) for n in range(episodes)]
            failed = [run for run in runs if run.reward <= SUCCESS_ABOVE]
            solved = episodes - len(failed)
            solved_tasks += solved >= 0.97 * episodes
            steps = sum(run.steps for run in runs) / episodes
            milliseconds = 1000 * sum(run.seconds for run in runs) / episodes
            faults = "; ".join(f"{run.seed} ({run.reward:.2f} {run.note})" for run in failed[:4])
            print(
                f"{task:28} {solved:3}/{episodes} {steps:5.1f} steps {milliseconds:6.0f} ms"
                f"  {faults[:300]}",
                flush=True,
            )
    print(f"{solved_tasks} of {len(tasks)} tasks at 97 % or better")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", help="comma separated; `59`: Pix2Act's; left out: all")
    parser.add_argument("--episodes", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="of the first episode")
    arguments = parser.parse_args()
    known = expert_tasks()
    if arguments.tasks == "59":
        tasks = [task for task in PIX2ACT_59 if task in known]
    else:
        tasks = arguments.tasks.split(",") if arguments.tasks else list(known)
    check(tasks, arguments.episodes, arguments.seed)


if __name__ == "__main__":
    main()
