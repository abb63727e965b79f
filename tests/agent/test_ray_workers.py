"""Without a cluster: what is said when there is none, and a runner's own half of the work."""

import importlib.util
import io
import tarfile
from pathlib import Path

import pytest

from agent.form_stages import FormStages, form_jobs
from agent.policy import Policy
from agent.ray_workers import RayMissing, RemoteRunner, run_on_ray
from agent.task_runs import OpenTaskRunner, SuiteConfig

CONFIG = SuiteConfig(suite="form", model="oracle")


def no_policy(name: str) -> Policy:
    raise AssertionError(f"{name} is no model")


def opener(out: Path) -> OpenTaskRunner:
    return OpenTaskRunner(CONFIG, out, no_policy, FormStages(), "none")


@pytest.mark.skipif(importlib.util.find_spec("ray") is not None, reason="Ray is installed")
def test_without_ray_the_message_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(RayMissing, match=r"needs Ray; try: pip install"):
        list(run_on_ray("ray://127.0.0.1:1", form_jobs(), opener(tmp_path)))


def test_without_jobs_nobody_is_asked(tmp_path: Path) -> None:
    assert list(run_on_ray("ray://127.0.0.1:1", [], opener(tmp_path))) == []


def test_a_machine_sends_the_whole_folder_and_keeps_nothing(tmp_path: Path) -> None:
    runner = RemoteRunner(opener(tmp_path / "home"))
    job = form_jobs()[0]
    for _ in range(2):
        record, archive = runner.run(job)
        assert record is not None
        assert record.score == 1.0
        with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
            packed.extractall(tmp_path / "came", filter="data")
        assert (tmp_path / "came" / "result.txt").read_text() == "1.0\n"
        assert list((tmp_path / "came").glob("run-*/steps.log"))
    runner.close()
    assert not (tmp_path / "home").exists(), "what is sent home is not written there from afar"
