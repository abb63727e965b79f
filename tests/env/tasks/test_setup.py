"""Steps done on a real machine."""

import json
from pathlib import Path
from typing import Any

import pytest

from env.tasks.errors import SetupFailed, TaskRefused
from env.tasks.machine import Bench
from env.tasks.mirror import Mirror
from env.tasks.setup import finish, prepare, window_titles
from env.tasks.task import Task

URL = "https://huggingface.co/datasets/x/y/resolve/main/os/t1/in.txt"


def task(
    *steps: tuple[str, dict[str, Any]], after: tuple[tuple[str, dict[str, Any]], ...] = ()
) -> Task:
    def written(given: Any) -> list[dict[str, Any]]:
        return [{"type": kind, "parameters": parameters} for kind, parameters in given]

    evaluator = {
        "func": "exact_match",
        "result": {"type": "cache_file", "path": "said"},
        "postconfig": written(after),
    }
    content = {"id": "t1", "instruction": "Do.", "config": written(steps), "evaluator": evaluator}
    return Task.from_json(json.dumps(content))


def said(bench: Bench, script: str) -> str:
    return bench.machine.run(("sh", "-c", script)).output.strip()


def test_files_come_from_the_mirror_and_from_beside_the_task(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "os/t1").mkdir(parents=True)
    (tmp_path / "os/t1/in.txt").write_text("from the hub")
    (tmp_path / "own.txt").write_text("our own")
    with_mirror = Bench(
        machine=bench.machine,
        folder=bench.folder,
        task_id="t1",
        mirror=Mirror(tmp_path),
        beside=tmp_path,
    )
    files = [{"url": URL, "path": "/home/user/Desktop/in.txt"}]
    local = [{"local_path": "own.txt", "path": "~/own.txt"}]
    prepare(task(("download", {"files": files}), ("upload_file", {"files": local})), with_mirror)
    assert said(bench, "cat Desktop/in.txt own.txt") == "from the hubour own"


@pytest.mark.parametrize("name", ["../secret", "/etc/hostname"])
def test_a_task_takes_no_file_but_those_beside_it(bench: Bench, tmp_path: Path, name: str) -> None:
    (tmp_path.parent / "secret").write_text("x")
    files = [{"local_path": name, "path": "/home/user/taken"}]
    with pytest.raises((SetupFailed, TaskRefused), match="leads out"):
        prepare(task(("upload_file", {"files": files})), bench)


def test_commands_are_filled_in_and_what_they_say_is_kept(bench: Bench) -> None:
    command = "echo {SCREEN_WIDTH} {SCREEN_HEIGHT_HALF} {CLIENT_PASSWORD}; echo no >&2"
    parameters = {"command": command, "shell": True, "stdout": "said", "stderr": "cried"}
    prepare(task(("execute", parameters)), bench)
    assert (bench.folder / "said").read_text() == "1280 360 password\n"
    assert (bench.folder / "cried").read_text() == "no\n"


def test_a_command_is_run_again_until_it_says_what_is_waited_for(bench: Bench) -> None:
    script = "echo x >> count; wc -l < count"
    parameters = {"command": script, "shell": True, "until": {"stdout": "3"}}
    prepare(task(("command", parameters)), bench)
    assert said(bench, "wc -l < count") == "3"


def test_a_command_that_fails_is_passed_over(bench: Bench) -> None:
    prepare(task(("execute", {"command": ["false"]}), ("execute", {"command": ["nowhere"]})), bench)


def test_what_is_verified_must_come_true(bench: Bench) -> None:
    good = {"command": ["touch", "there"], "verification": {"command_success": "test -e there"}}
    prepare(task(("execute_with_verification", good)), bench)
    bad = good | {"verification": {"command_success": "false"}, "max_wait_time": 0.2}
    with pytest.raises(SetupFailed, match="was not seen"):
        prepare(task(("execute_with_verification", bad | {"check_interval": 0.1})), bench)


def test_an_output_is_not_kept_outside_the_tasks_folder(bench: Bench) -> None:
    parameters = {"command": ["echo"], "stdout": "../../escaped"}
    with pytest.raises((SetupFailed, TaskRefused), match="no name inside"):
        prepare(task(("execute", parameters)), bench)


def test_windows_are_activated_and_closed_by_name(bench: Bench) -> None:
    """A file is opened by what is meant for its kind, and waited for until its window is there."""
    bench.machine.put_file("/home/user/Desktop/page.html", b"<title>page.html</title>")
    prepare(task(("open", {"path": "/home/user/Desktop/page.html"})), bench)
    assert any("page.html" in title for title in window_titles(bench))
    window = {"window_name": "page.html"}
    finish(task(after=(("activate_window", window), ("close_window", window))), bench)
    for _ in range(100):
        if not any("page.html" in title for title in window_titles(bench)):
            break
        bench.machine.run(("sleep", "0.1"))
    else:
        pytest.fail(f"still there: {window_titles(bench)}")


def test_opening_what_is_not_there_fails(bench: Bench) -> None:
    with pytest.raises(SetupFailed):
        prepare(task(("open", {"path": "/home/user/none.odt"})), bench)
