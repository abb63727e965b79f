import json
from pathlib import Path
from typing import Any

import pytest

from env.tasks.errors import TaskRefused
from env.tasks.steps import Download, Execute, Sleep, argv_of
from env.tasks.task import Task

GOOD: dict[str, Any] = {
    "id": "t1",
    "snapshot": "os",
    "instruction": "Rename the folder.",
    "source": "authors",
    "config": [
        {"type": "download", "parameters": {"files": [{"url": "https://h/x", "path": "/a"}]}},
        {"type": "execute", "parameters": {"command": ["true"], "shell": "true"}},
        {"type": "sleep", "parameters": {"seconds": 2}},
    ],
    "trajectory": "trajectories/",
    "related_apps": ["os"],
    "evaluator": {
        "func": ["exact_match", "check_list"],
        "conj": "or",
        "result": [
            {"type": "vm_command_line", "command": "ls", "shell": True},
            {"type": "vm_file", "path": "/home/user/a", "dest": "a"},
        ],
        "expected": [{"type": "rule", "rules": {"expected": "x"}}, None],
        "options": [None, {"strict": True}],
    },
    "proxy": False,
}


def task(**changes: Any) -> Task:
    return Task.from_json(json.dumps(GOOD | changes))


def test_a_task_is_read_into_values() -> None:
    read = task(difficulty=2)
    assert [type(step) for step in read.config] == [Download, Execute, Sleep]
    assert read.config[1] == Execute(command=("true",), through_shell=True)
    first, second = read.evaluator.checks
    assert (first.metric, second.expected, dict(second.options)) == (
        "exact_match",
        None,
        {"strict": True},
    )
    assert read.evaluator.conj == "or"
    assert dict(read.extra) == {"difficulty": 2}


def test_a_task_without_steps_is_one() -> None:
    without = {key: value for key, value in GOOD.items() if key != "config"}
    assert Task.from_json(json.dumps(without)).config == ()


def test_a_task_that_cannot_be_done_has_nothing_to_check() -> None:
    assert task(evaluator={"func": "infeasible"}).evaluator.infeasible


def test_the_same_content_has_the_same_hash_however_it_is_written() -> None:
    spaced = Task.from_json(json.dumps(GOOD, indent=4, sort_keys=True))
    assert spaced.content_hash == task().content_hash != task(instruction="Other.").content_hash


def step(kind: str, **parameters: Any) -> list[dict[str, Any]]:
    return [{"type": kind, "parameters": parameters}]


def evaluator(**changes: Any) -> dict[str, Any]:
    return GOOD["evaluator"] | changes


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"id": 3}, "id"),
        ({"instruction": ""}, "instruction"),
        ({"config": {}}, "config"),
        ({"config": ["x"]}, "config[0]"),
        ({"config": step("fly")}, "config[0].type"),
        ({"config": step("sleep", seconds="soon")}, "config[0].parameters.seconds"),
        ({"config": step("sleep", seconds=1, then=2)}, "config[0].parameters.then"),
        ({"config": step("launch", command=[])}, "config[0].parameters.command"),
        (
            {"config": step("download", files=[{"url": "u"}])},
            "config[0].parameters.files.0.path",
        ),
        ({"related_apps": "os"}, "related_apps"),
        ({"proxy": 1}, "proxy"),
        ({"screen": [800]}, "screen"),
        ({"screen": [800, 0]}, "screen"),
        ({"screen": "800x600"}, "screen"),
        ({"evaluator": None}, "evaluator"),
        ({"evaluator": {"func": "is_pretty"}}, "evaluator.func"),
        ({"evaluator": evaluator(func=["exact_match", "nice"])}, "evaluator.func[1]"),
        ({"evaluator": evaluator(conj="xor")}, "evaluator.conj"),
        ({"evaluator": evaluator(result=[])}, ""),
        ({"evaluator": evaluator(result=[{"type": "vm_file"}])}, "evaluator.result"),
        ({"evaluator": evaluator(options=[{}, 3])}, "evaluator.options[1]"),
        ({"evaluator": evaluator(expected=[{"type": "oracle"}, None])}, "evaluator.expected[0]"),
        ({"evaluator": evaluator(weight=1)}, "evaluator"),
        ({"evaluator": evaluator(postconfig=step("fly"))}, "evaluator.postconfig[0].type"),
    ],
)
def test_a_malformed_file_is_refused_by_the_name_of_the_field(
    changes: dict[str, Any], field: str
) -> None:
    if not field:
        assert task(**changes).evaluator.checks[0].result is None
        return
    with pytest.raises(TaskRefused) as refused:
        task(**changes)
    assert str(refused.value).startswith(field)


def test_a_getter_without_what_it_needs_is_refused() -> None:
    changed = evaluator(func="exact_match", result={"type": "vm_file", "path": "/a"})
    with pytest.raises(TaskRefused, match=r"^evaluator.result.dest"):
        task(evaluator=changed | {"expected": None, "options": None})


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 100_000, "\xff"])
def test_what_is_no_task_is_refused(text: str) -> None:
    with pytest.raises(TaskRefused):
        Task.from_json(text)


def test_a_file_is_named_when_it_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "os" / "broken.json"
    path.parent.mkdir()
    path.write_text("{}")
    with pytest.raises(TaskRefused, match=r"broken.json: id"):
        Task.from_file(path)
    path.write_text(json.dumps(GOOD))
    assert Task.from_file(path).domain == "os"


@pytest.mark.parametrize(
    ("command", "through_shell", "argv"),
    [
        ("ls -l '~/a b'", False, ("ls", "-l", "/h/a b")),
        (("cat", "~/x", "a~/x"), False, ("cat", "/h/x", "a~/x")),
        ("ls ~/x | wc", True, ("/bin/sh", "-c", "ls ~/x | wc")),
        (("echo $0", "second"), True, ("/bin/sh", "-c", "echo $0", "second")),
    ],
)
def test_commands_are_split_as_osworld_splits_them(
    command: tuple[str, ...] | str, through_shell: bool, argv: tuple[str, ...]
) -> None:
    assert argv_of(command, through_shell, "/h") == argv
