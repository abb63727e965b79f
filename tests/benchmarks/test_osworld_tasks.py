import json
from pathlib import Path

import pytest

from benchmarks.osworld_tasks import run, survey, task_files
from env.tasks.mirror import Mirror
from env.tasks.suites.desktop.make import EXAMPLES


def test_every_file_of_our_suite_is_read_and_every_name_leads_somewhere() -> None:
    found = survey(task_files(EXAMPLES.parent), Mirror(None))
    assert sum(domain.read for domain in found.domains.values()) >= 90
    assert found.refused == found.unresolved == {}


def test_a_file_that_does_not_fit_is_named_with_its_field(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "os").mkdir()
    whole = {"id": "a", "instruction": "Go on.", "evaluator": {"func": "infeasible"}}
    (tmp_path / "os/a.json").write_text(json.dumps(whole))
    (tmp_path / "os/b.json").write_text(json.dumps(whole | {"evaluator": {"func": "no_such"}}))
    assert run([str(tmp_path), "--json", str(tmp_path / "told.json")]) == 1
    assert "BAD os/b: evaluator.func: no metric is called 'no_such'" in capsys.readouterr().out
    told = json.loads((tmp_path / "told.json").read_bytes())
    assert told["domains"]["os"]["files"] == 2
    assert told["domains"]["os"]["read"] == told["domains"]["os"]["infeasible"] == 1


def test_all_tasks_may_come_in_one_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = {"id": "a", "instruction": "Go on.", "evaluator": {"func": "infeasible"}}
    (tmp_path / "all.json").write_text(json.dumps({"sources": {"os__a": whole}}))
    assert run([str(tmp_path / "all.json")]) == 0
    assert "os                           1     1           1       1" in capsys.readouterr().out
