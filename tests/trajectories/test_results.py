import json
import os
from pathlib import Path

import pytest

from trajectories.results import RECORD, Results, TaskKey, claim_folder

KEY = TaskKey("form", "check")


def finish(results: Results, key: TaskKey, score: str = "1.0\n") -> Path:
    with results.draft(key) as draft:
        assert draft is not None
        (draft / "result.txt").write_text(score)
        (draft / RECORD).write_text("{}")
        return results.publish(key, draft)


def test_a_result_has_its_place_whole_or_not_at_all(tmp_path: Path) -> None:
    results = Results(tmp_path, "nano")
    with results.draft(KEY) as draft:
        assert draft is not None
        (draft / "result.txt").write_text("1.0\n")
        assert not results.is_finished(KEY)
        assert list(tmp_path.glob("pyautogui/**/result.txt")) == []
    assert not results.is_finished(KEY), "a draft that was left is not published"
    place = finish(results, KEY)
    assert place == tmp_path / "pyautogui" / "screenshot" / "nano" / "form" / "check"
    assert results.is_finished(KEY)
    assert list(results.finished([KEY, TaskKey("form", "name")])) == [b"{}"]


def test_what_is_finished_is_not_begun_again(tmp_path: Path) -> None:
    results = Results(tmp_path, "nano")
    finish(results, KEY)
    with results.draft(KEY) as draft:
        assert draft is None


def test_two_are_never_at_the_same_task(tmp_path: Path) -> None:
    with Results(tmp_path, "nano").draft(KEY) as one, Results(tmp_path, "nano").draft(KEY) as two:
        assert one is not None
        assert two is None


def test_what_a_killed_process_left_is_cleared_away(tmp_path: Path) -> None:
    child = os.fork()
    if child == 0:
        draft = Results(tmp_path, "nano").draft(KEY).__enter__()
        assert draft is not None
        (draft / "half").write_text("x")
        os._exit(9)
    os.waitpid(child, 0)
    with Results(tmp_path, "nano").draft(KEY) as draft:
        assert draft is not None
        assert list(draft.iterdir()) == []


def test_a_result_without_a_score_is_replaced(tmp_path: Path) -> None:
    results = Results(tmp_path, "nano")
    with results.draft(KEY) as draft:
        assert draft is not None
        (draft / RECORD).write_text('{"score": null}')
        results.publish(KEY, draft)
    assert not results.is_finished(KEY)
    place = finish(results, KEY)
    assert (place / "result.txt").read_text() == "1.0\n"


def test_further_attempts_are_filed_as_other_models(tmp_path: Path) -> None:
    results = Results(tmp_path, "nano")
    assert results.folder(TaskKey("form", "check", 2)).parts[-3:] == ("nano-3", "form", "check")


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".", "..", "a\nb", "x" * 200])
def test_a_name_that_leads_elsewhere_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot name a folder"):
        Results(tmp_path, "nano").folder(TaskKey("form", name))
    with pytest.raises(ValueError, match="cannot name a folder"):
        Results(tmp_path, name)


def test_a_folder_holds_the_results_of_one_evaluation(tmp_path: Path) -> None:
    results = Results(tmp_path, "nano")
    results.claim({"suite": "form", "seed": 1})
    results.claim({"suite": "form", "seed": 1})
    args = json.loads((tmp_path / "pyautogui/screenshot/nano/args.json").read_text())
    assert (args["action_space"], args["seed"]) == ("pyautogui", 1)
    with pytest.raises(ValueError, match="holds another evaluation's results"):
        claim_folder(tmp_path, {"suite": "form", "seed": 2})
