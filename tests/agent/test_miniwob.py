import os
import signal
import subprocess
from pathlib import Path

import pytest

from agent.action_text import action_text
from agent.errors import PolicyFailed
from agent.events import Ending, EpisodeResult
from agent.miniwob import (
    FIRST_EVALUATION_SEED,
    Job,
    MiniWob,
    evaluation_jobs,
    loop_config,
    tasks_named,
    training_jobs,
)
from agent.miniwob_browser import MiniWobBrowser
from agent.policy import ScriptedPolicy
from env.actions import Click, Point
from env.errors import UnknownTask
from env.miniwob.page import PIX2ACT_59, TASK_SIZE, TASKS
from trajectories.reading import read_run
from trajectories.store import RunStore

NOWHERE = action_text(Click(Point(5, 205)), TASK_SIZE, words="Click nowhere.")


def test_training_and_evaluation_never_share_a_seed() -> None:
    trained = training_jobs(("click-test",), 1_000_000, 0)
    evaluated = evaluation_jobs(("click-test",), 1_000, 0)
    assert max(job.seed for job in trained) < FIRST_EVALUATION_SEED
    assert min(job.seed for job in evaluated) == FIRST_EVALUATION_SEED
    with pytest.raises(ValueError, match="evaluations have the others"):
        training_jobs(("click-test",), 2, 999_999)


def test_rounds_of_evaluation_never_share_a_seed() -> None:
    rounds = [{job.seed for job in evaluation_jobs(("a",), 1_000, seed)} for seed in range(3)]
    assert len(set.union(*rounds)) == 3_000
    for episodes, seed in ((1_001, 0), (0, 0), (1, -1)):
        with pytest.raises(ValueError, match="expected 1 to 1000"):
            evaluation_jobs(("a",), episodes, seed)


def test_sets_of_tasks_have_names() -> None:
    assert tasks_named("pix2act59") == PIX2ACT_59
    assert tasks_named("all") == TASKS
    assert tasks_named("click-test, click-link,click-test") == ("click-test", "click-link")
    assert set(tasks_named("experts")) <= set(TASKS)
    assert len(tasks_named("registered")) == 125
    trained, left_out = tasks_named("trained"), tasks_named("left-out")
    assert sorted((*trained, *left_out)) == sorted(tasks_named("experts"))
    assert not set(left_out) & set(PIX2ACT_59)
    for none in ("", ",", "click-tset"):
        with pytest.raises(UnknownTask):
            tasks_named(none)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


def test_a_task_that_does_not_end_scores_nothing(runs: Path) -> None:
    with (
        RunStore.create(runs, policy="scripted", durable=False) as store,
        MiniWobBrowser(store) as browser,
    ):

        def play(world: MiniWob) -> EpisodeResult:
            policy = ScriptedPolicy([NOWHERE] * 2)
            return world.run(Job("click-test-2", 1), policy, loop_config(max_steps=2))

        result = browser.run(Job("click-test-2", 1), play)
    assert (result.ending, result.score) == (Ending.STEP_LIMIT, 0.0)


def test_a_browser_killed_in_an_episode_is_opened_again_and_the_log_is_whole(runs: Path) -> None:
    job = Job("click-test", 3)
    with (
        RunStore.create(runs, policy="scripted", durable=False) as store,
        MiniWobBrowser(store) as browser,
    ):
        killed = False

        def play(world: MiniWob) -> EpisodeResult:
            expert = world.expert()

            def kill_first() -> str | None:
                nonlocal killed
                if not killed:
                    killed = True
                    kill_chromium_of(os.getpid())
                return None

            return world.run(job, expert, loop_config(), advisor=kill_first)

        result = browser.run(job, play)
    assert (result.ending, result.score) == (Ending.ENVIRONMENT_OVER, 1.0)
    first, second = read_run(store.folder).episodes
    assert first.end is not None
    assert (first.end.ending, first.end.score) == ("DESKTOP_LOST", None)
    assert second.success


def kill_chromium_of(parent: int) -> None:
    """Kill the browsers among a process's descendants, and nothing else."""
    listing = subprocess.run(
        ["ps", "-eo", "pid=,ppid=,comm="], capture_output=True, text=True, check=True
    ).stdout
    rows = [line.split(None, 2) for line in listing.splitlines()]
    family = {parent}
    for _ in range(10):
        family |= {int(pid) for pid, above, _ in rows if int(above) in family}
    for pid, _, name in rows:
        if int(pid) in family and name.startswith("chrom"):
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                continue


def test_an_expert_nobody_wrote_is_not_the_models_mistake(runs: Path) -> None:
    with (
        RunStore.create(runs, policy="expert", durable=False) as store,
        MiniWobBrowser(store) as browser,
    ):

        def play(world: MiniWob) -> EpisodeResult:
            world.page.open("stock-market")
            world.page.task = "no-such-task"
            with pytest.raises(PolicyFailed, match="expert is lost"):
                world.expert().answer()
            assert world.expert().advise() is None
            return world.run(Job("click-test", 1), world.expert(), loop_config())

        assert browser.run(Job("click-test", 1), play).score == 1.0
