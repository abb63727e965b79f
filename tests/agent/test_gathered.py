import json
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest

from agent.form_stages import FormStages, form_jobs
from agent.gathered import gathered
from agent.policy import Policy
from agent.suite_run import SuiteRun
from agent.task_runs import OpenTaskRunner, SuiteConfig
from trajectories.errors import FormatError


def no_policy(name: str) -> Policy:
    raise AssertionError(f"{name} is no model")


def evaluated(out: Path, model: str, attempts: int = 1) -> Path:
    config = SuiteConfig(suite="form", model=model)
    suite = SuiteRun(config, out, form_jobs(attempts)[:4])
    for _ in suite.run(OpenTaskRunner(config, out, no_policy, FormStages(), "none"), 1):
        pass
    suite.write_summary()
    return out


def test_a_folder_that_one_evaluation_wrote_comes_to_what_it_said(tmp_path: Path) -> None:
    out = evaluated(tmp_path / "out", "oracle", attempts=2)
    assert gathered(out) == {"oracle": json.loads((out / "summary.json").read_bytes())}


def test_results_that_were_copied_together_count_each(tmp_path: Path) -> None:
    whole = evaluated(tmp_path / "whole", "oracle")
    place = "pyautogui/screenshot/{}/form"
    both = tmp_path / "both"
    shutil.copytree(whole / place.format("oracle"), both / place.format("oracle"))
    idle = evaluated(tmp_path / "idle", "idle")
    shutil.copytree(idle / place.format("idle"), both / place.format("idle"))
    found = gathered(both)
    assert {model: each["tasks"] for model, each in found.items()} == {"idle": 4, "oracle": 4}
    assert found["oracle"]["mean"] == gathered(whole)["oracle"]["mean"]
    assert found["oracle"]["config"] == asdict(SuiteConfig(suite="", model="oracle"))


def test_what_is_no_record_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "pyautogui/screenshot/nano/os/a"
    folder.mkdir(parents=True)
    assert gathered(tmp_path) == {}
    (folder / "episode.json").write_text('{"domain": "os", "score": "much"}')
    with pytest.raises(FormatError, match=r"nano/os/a/episode.json: not a task's record"):
        gathered(tmp_path)
