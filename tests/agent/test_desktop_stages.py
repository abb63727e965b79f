import json
from pathlib import Path
from typing import Any

import pytest

from agent.action_text import finish_text
from agent.desktop_stages import DesktopStages, osworld_jobs
from agent.policy import ScriptedPolicy
from agent.stages import TaskJob
from agent.task_runs import SuiteConfig, TaskRunner
from env.errors import UnknownTask
from env.screen import ScreenSize
from env.tasks.errors import TaskRefused

INFEASIBLE: dict[str, Any] = {
    "id": "aaaa",
    "snapshot": "os",
    "instruction": "Show the year 2101.",
    "config": [
        {"type": "launch", "parameters": {"command": ["xterm", "-title", "Here"]}},
        {"type": "execute", "parameters": {"command": ["mkdir", "/home/user/made"]}},
    ],
    "related_apps": ["os"],
    "evaluator": {"func": "infeasible"},
}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "evaluation_examples"
    for domain, task in (("os", "aaaa"), ("os", "aabb"), ("chrome", "cccc")):
        path = folder / "examples" / domain / f"{task}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(INFEASIBLE | {"id": task}))
    (folder / "test_small.json").write_text(json.dumps({"os": ["aabb"], "chrome": ["cccc"]}))
    return folder


def names(jobs: list[TaskJob]) -> list[str]:
    return [f"{job.domain}/{job.task}" for job in jobs]


def test_tasks_are_chosen_by_domain_by_id_and_by_index(files: Path) -> None:
    assert names(osworld_jobs(files)) == ["chrome/cccc", "os/aaaa", "os/aabb"]
    assert names(osworld_jobs(files / "examples", "os")) == ["os/aaaa", "os/aabb"]
    assert names(osworld_jobs(files, "aab, cccc")) == ["os/aabb", "chrome/cccc"]
    assert names(osworld_jobs(files, str(files / "test_small.json"))) == ["os/aabb", "chrome/cccc"]
    assert [job.attempt for job in osworld_jobs(files, "aaaa", 2)] == [0, 1]


def test_names_that_are_none_are_refused(files: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownTask, match="no task or domain named 'vlc'; domains: chrome, os"):
        osworld_jobs(files, "vlc")
    with pytest.raises(UnknownTask, match="no task files"):
        osworld_jobs(tmp_path / "nowhere")
    (tmp_path / "index.json").write_text('{"os": ["zzzz"]}')
    with pytest.raises(UnknownTask, match="without a file, first zzzz"):
        osworld_jobs(files, str(tmp_path / "index.json"))
    (tmp_path / "index.json").write_text("[1]")
    with pytest.raises(TaskRefused, match="expected lists of ids by domain"):
        osworld_jobs(files, str(tmp_path / "index.json"))


def test_a_task_is_set_up_on_a_desktop_of_its_own_looked_at_and_judged(
    files: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    config = SuiteConfig(suite="osworld", model="scripted")
    policy = ScriptedPolicy([finish_text(False, words="No.")])
    runner = TaskRunner(config, out, policy, DesktopStages(size=ScreenSize(640, 480)), "none")
    (job,) = osworld_jobs(files, "aaaa")
    record = runner.run(job)
    assert record is not None
    assert (record.score, record.ending) == (1.0, "FAILED")
    assert (record.infeasible, record.applications) == (True, ("os",))
    assert len(record.digest) == 64
    folder = out / "pyautogui/screenshot/scripted/os/aaaa"
    assert "config[1] Execute" in (folder / "runtime.log").read_text()
    (first,) = folder.glob("step_0_*.png")
    (_, last) = sorted(folder.glob("step_*.png"))
    assert first.read_bytes() == last.read_bytes(), "the terminal stood still"
