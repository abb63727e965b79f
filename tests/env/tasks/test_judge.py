"""Scores of whole tasks, on a machine that is there and is asked nothing it need not be."""

import json
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from env.tasks.judge import Verdict, judge
from env.tasks.machine import Bench
from env.tasks.mirror import Mirror
from env.tasks.task import Task

GOLD_URL = "https://huggingface.co/datasets/x/y/resolve/main/os/t1/gold.txt"


def says(text: str) -> dict[str, Any]:
    return {"type": "vm_command_line", "command": ["printf", "%s", text]}


def rule(expected: Any) -> dict[str, Any]:
    return {"type": "rule", "rules": {"expected": expected}}


def task(**evaluator: Any) -> Task:
    return Task.from_json(json.dumps({"id": "t1", "instruction": "Do.", "evaluator": evaluator}))


def both(conj: str, *results: str, expected: str = "yes") -> Task:
    return task(
        func=["exact_match"] * len(results),
        conj=conj,
        result=[says(text) for text in results],
        expected=[rule(expected)] * len(results),
    )


@pytest.mark.parametrize(("last", "score"), [("FAIL", 1.0), ("DONE", 0.0), (None, 0.0)])
def test_what_cannot_be_done_is_done_by_saying_so(
    bench: Bench, last: str | None, score: float
) -> None:
    assert judge(task(func="infeasible"), bench, last).score == score


def test_saying_that_something_cannot_be_done_is_worth_nothing_elsewhere(bench: Bench) -> None:
    easy = both("and", "yes")
    assert judge(easy, bench, "DONE").score == 1.0
    assert judge(easy, bench, "FAIL").score == 0.0


@pytest.mark.parametrize(
    ("conj", "results", "score", "looked_at"),
    [
        ("and", ("yes", "yes"), 1.0, 2),
        ("and", ("no", "yes"), 0.0, 1),
        ("or", ("no", "yes", "yes"), 1.0, 2),
        ("or", ("no", "no"), 0.0, 2),
    ],
)
def test_checks_are_joined_and_the_rest_does_not_matter_once_decided(
    bench: Bench, conj: str, results: tuple[str, ...], score: float, looked_at: int
) -> None:
    verdict = judge(both(conj, *results), bench, "DONE")
    assert (verdict.score, len(verdict.parts)) == (score, looked_at)


def partly(conj: str, *texts: str) -> Task:
    return task(
        func=["fuzzy_match"] * len(texts),
        conj=conj,
        result=[says(text) for text in texts],
        expected=[rule("abcd")] * len(texts),
    )


def test_part_of_a_task_is_part_of_a_score(bench: Bench) -> None:
    assert judge(partly("and", "abcx", "abcd"), bench, None).score == pytest.approx(0.875)
    assert judge(partly("or", "abxx", "abcx"), bench, None).score == pytest.approx(0.75)


def missing_then(text: str) -> Task:
    return task(
        func=["exact_match", "exact_match"],
        conj="or",
        result=[{"type": "vlc_config", "dest": "vlcrc"}, says(text)],
        expected=[rule("yes"), rule("yes")],
    )


def test_a_file_that_is_not_there_fails_its_check_alone(bench: Bench) -> None:
    assert judge(missing_then("yes"), bench, None).score == 1.0
    assert judge(missing_then("no"), bench, None).score == 0.0


def test_a_missing_gold_file_leaves_a_task_unscored_and_is_named(bench: Bench) -> None:
    bench.machine.put_file("/home/user/a.txt", b"x")
    compared = task(
        func="compare_text_file",
        result={"type": "vm_file", "path": "/home/user/a.txt", "dest": "a.txt"},
        expected={"type": "cloud_file", "path": GOLD_URL, "dest": "gold.txt"},
    )
    verdict = judge(compared, bench, None)
    assert verdict.score is None
    assert "os/t1/gold.txt" in verdict.reason


def test_a_mirror_gives_the_gold_file(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "os/t1").mkdir(parents=True)
    (tmp_path / "os/t1/gold.txt").write_text("x")
    bench.machine.put_file("/home/user/a.txt", b"x")
    with_mirror = Bench(
        machine=bench.machine, folder=bench.folder, task_id="t1", mirror=Mirror(tmp_path)
    )
    compared = task(
        func="compare_text_file",
        result={"type": "vm_file", "path": "/home/user/a.txt", "dest": "a.txt"},
        expected={"type": "cloud_file", "path": GOLD_URL, "dest": "gold.txt"},
    )
    assert judge(compared, with_mirror, None).score == 1.0


@pytest.mark.parametrize(
    "result",
    [
        {"type": "googledrive_file", "settings_file": "s", "path": ["a"], "dest": "a"},
        {"type": "vscode_config", "vscode_extension_command": "c", "path": "p", "dest": "d"},
        {"type": "number_of_search_results"},
    ],
)
def test_what_somebody_else_holds_is_unscored(bench: Bench, result: dict[str, Any]) -> None:
    verdict = judge(task(func="exact_match", result=result, expected=rule("x")), bench, None)
    assert verdict.score is None
    assert verdict.reason.startswith("needs ")


def test_a_grader_that_fails_is_no_zero(bench: Bench) -> None:
    broken = task(func="check_text_enlarged", result=says("no number"))
    verdict = judge(broken, bench, None)
    assert verdict.score is None
    assert "ValueError" in verdict.reason


def test_a_result_that_is_garbage_is_worth_nothing(bench: Bench, tmp_path: Path) -> None:
    """Where the same grader can read the gold file, it is the agent's file that is broken."""
    verdict = _compare_slides(bench, tmp_path, b"garbage")
    assert verdict.score == 0.0
    assert "cannot be read" in verdict.parts[0].result


def test_a_file_that_would_not_fit_into_memory_is_not_opened(bench: Bench, tmp_path: Path) -> None:
    content = BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("a", b"")
    packed = bytearray(content.getvalue())
    # The size that an entry says it has, in the list at the end.
    place = packed.index(b"PK\x01\x02") + 24
    packed[place : place + 4] = (2**31).to_bytes(4, "little")
    verdict = _compare_slides(bench, tmp_path, bytes(packed))
    assert verdict.score == 0.0
    assert "holds more" in verdict.parts[0].result


def test_a_gold_file_that_is_garbage_leaves_a_task_unscored(bench: Bench, tmp_path: Path) -> None:
    assert _compare_slides(bench, tmp_path, b"x", gold=b"garbage").score is None


def _compare_slides(
    bench: Bench, folder: Path, content: bytes, gold: bytes | None = None
) -> Verdict:
    from pptx import Presentation

    (folder / "os/t1").mkdir(parents=True)
    Presentation().save(str(folder / "os/t1/gold.txt"))
    if gold is not None:
        (folder / "os/t1/gold.txt").write_bytes(gold)
    bench.machine.put_file("/home/user/a.pptx", content)
    with_mirror = Bench(
        machine=bench.machine, folder=bench.folder, task_id="t1", mirror=Mirror(folder)
    )
    compared = task(
        func="compare_pptx_files",
        result={"type": "vm_file", "path": "/home/user/a.pptx", "dest": "a.pptx"},
        expected={"type": "cloud_file", "path": GOLD_URL, "dest": "gold.pptx"},
    )
    return judge(compared, with_mirror, None)


@pytest.mark.parametrize("dest", ["../../escaped", "/tmp/escaped"])
def test_a_task_file_does_not_write_outside_its_folder(bench: Bench, dest: str) -> None:
    bench.machine.put_file("/home/user/a.txt", b"x")
    source = {"type": "vm_file", "path": "/home/user/a.txt", "dest": dest}
    verdict = judge(task(func="file_contains", result=source, expected=rule(["x"])), bench, None)
    assert verdict.score is None
    assert "the task file" in verdict.reason


def test_options_that_are_ours_are_refused(bench: Bench) -> None:
    sly = task(func="is_in_list", result=says("x"), expected=rule("x"), options={"exact": True})
    assert judge(sly, bench, None).score is None


def test_strangers_programs_run_on_the_machine_alone(bench: Bench) -> None:
    bench.machine.put_file("/home/user/work.py", b"def twice(n):\n    return 2 * n\n")
    test = "import work\n\ndef test():\n    return work.twice(2) == 4\n"
    bench.machine.put_file("/home/user/check.py", test.encode())
    sources = [
        {"type": "vm_file", "path": f"/home/user/{name}.py", "dest": f"{name}.py"}
        for name in ("work", "check")
    ]
    judged = task(func="check_python_file_by_test_suite", result=sources[0], expected=sources[1])
    assert judge(judged, bench, None).score == 1.0
    bench.machine.put_file("/home/user/work.py", b"def twice(n):\n    return n\n")
    assert judge(judged, bench, None).score == 0.0
