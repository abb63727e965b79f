import json
from pathlib import Path
from typing import Any

import pytest

from env.tasks.errors import Unscored
from env.tasks.machine import Bench
from env.tasks.mirror import Mirror
from env.tasks.needs import is_far, programs, unmet
from env.tasks.setup import prepare
from env.tasks.task import Task

HUB = "https://huggingface.co/datasets/xlangai/ubuntu_osworld_file_cache/resolve/main/"
RESULT = {"type": "vm_file", "path": "/home/user/a", "dest": "a"}


def task(
    config: Any = (), result: Any = None, expected: Any = None, apps: tuple[str, ...] = ()
) -> Task:
    evaluator = {"func": "compare_text_file", "result": result or RESULT, "expected": expected}
    content = {"config": list(config), "evaluator": evaluator, "related_apps": list(apps)}
    return Task.from_json(json.dumps({"id": "t1", "instruction": "Do."} | content))


def step(kind: str, **parameters: Any) -> list[dict[str, Any]]:
    return [{"type": kind, "parameters": parameters}]


DOWNLOAD = step("download", files=[{"url": f"{HUB}os/t1/in.sh", "path": "/home/user/in.sh"}])
GOLD = {"type": "cloud_file", "path": f"{HUB}os/t1/gold", "dest": "gold"}


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        (task(DOWNLOAD), "os/t1/in.sh"),
        (task(expected=GOLD), "os/t1/gold"),
        (task(step("chrome_open_tabs", urls_to_open=["https://a.org"])), "needs the site"),
        (task(step("login", settings_file="s", platform="googledrive")), "Google account"),
        (task(step("googledrive", settings_file="s")), "Google account"),
        (task(result={"type": "googledrive_file", "settings_file": "s", "dest": "d"}), "account"),
        (
            task(
                result={"type": "vscode_config", "vscode_extension_command": "c"}
                | RESULT
                | {"type": "vscode_config"}
            ),
            "VS Code",
        ),
        (task(result={"type": "page_info", "url": "https://steam.com"}), "needs the site"),
    ],
)
def test_what_is_not_here_is_known_from_the_file(wanted: Task, reason: str) -> None:
    (said,) = unmet(wanted, Mirror())
    assert reason in said


def test_what_only_the_words_of_one_of_osworlds_tasks_ask_for_is_known_by_its_id() -> None:
    spotify = {"id": "94d95f96-9699-4208-98ba-3c3119edf9c2", "instruction": "Install Spotify."}
    evaluator = {"func": "compare_text_file", "result": RESULT}
    wanted = Task.from_json(json.dumps(spotify | {"evaluator": evaluator}))
    assert unmet(wanted, Mirror()) == ("needs the internet: Spotify's packages",)


def test_a_task_with_all_it_needs_lacks_nothing(tmp_path: Path) -> None:
    for name in ("in.sh", "gold"):
        (tmp_path / "os/t1").mkdir(parents=True, exist_ok=True)
        (tmp_path / "os/t1" / name).write_text("x")
    pages = step("chrome_open_tabs", urls_to_open=["chrome://version", "http://localhost:8000/a"])
    assert unmet(task([*DOWNLOAD, *pages], expected=GOLD), Mirror(tmp_path)) == ()


@pytest.mark.parametrize(
    ("url", "far"),
    [
        ("https://www.a.org/b", True),
        ("www.a.org", True),
        ("http://127.0.0.1:80/x", False),
        ("file:///home/user/a.html", False),
        ("chrome://settings", False),
        ("about:blank", False),
    ],
)
def test_which_addresses_are_far(url: str, far: bool) -> None:
    assert is_far(url) is far


def test_the_programs_of_a_task_are_those_it_starts_or_is_about() -> None:
    started = step("launch", command=["vlc", "a"]) + step("launch", command="gimp b")
    started += step("launch", command=["/home/user/brought.sh"])
    assert programs(task(started, apps=("vs_code",))) == ("vlc", "gimp", "code")


def test_a_task_whose_program_is_not_there_is_not_begun(bench: Bench) -> None:
    with pytest.raises(Unscored, match="no-such-editor"):
        prepare(task(step("launch", command=["no-such-editor"])), bench)
