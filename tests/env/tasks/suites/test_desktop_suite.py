"""The desktop suite: its files fit together, and its oracles solve a few of its tasks for real.

All of it, three times, is `make proof-suite`.
"""

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest

from env.accessible_tree import Node
from env.errors import UnknownTask
from env.screen import Box, ScreenSize
from env.tasks.suites.desktop.check import NOTHING, ORACLE, suite, try_task
from env.tasks.suites.desktop.inputs import files
from env.tasks.suites.desktop.make import EXAMPLES, make, needed
from env.tasks.suites.desktop.oracles.office_boxes import straightened
from env.tasks.suites.desktop.oracles.registry import oracle_named, oracle_names
from env.tasks.task import Task

SIZE = ScreenSize(1280, 720)
OF_EACH_APPLICATION = {
    "terminal.count_lines": "lxterminal",
    "thunar.rename_file": "thunar",
    "mousepad.delete_line": "mousepad",
    "calc.type_into_cell": "libreoffice",
    "thunderbird.open_inbox": "thunderbird",
    "chrome.sign_up": "chromium",
    "vlc.start_minimal": "vlc",
    "infeasible.missing_file": "thunar",
}
"""And a program it needs. GIMP's and the other office programs are in the proof alone."""

TASKS = {str(task.extra["oracle"]): task for task in suite()}


def test_there_are_enough_of_them() -> None:
    assert len(TASKS) >= 60
    assert sum(task.evaluator.infeasible for task in TASKS.values()) >= 8


def test_every_task_has_an_oracle_and_every_oracle_a_task() -> None:
    assert set(TASKS) == set(oracle_names())


def test_every_task_says_how_hard_it_is() -> None:
    levels = Counter(task.extra["difficulty"] for task in TASKS.values())
    assert set(levels) == {"easy", "medium", "hard"}
    assert levels["easy"] >= 10


def test_the_index_lists_every_file_once() -> None:
    index = json.loads(EXAMPLES.with_name("test_all.json").read_text())
    listed = [f"{domain}/{task}" for domain, tasks in index.items() for task in tasks]
    lying = [f"{path.parent.name}/{path.stem}" for path in EXAMPLES.glob("*/*.json")]
    assert sorted(listed) == sorted(lying)


def test_a_task_is_called_as_its_file() -> None:
    assert all(Task.from_file(path).id == path.stem for path in EXAMPLES.glob("*/*.json"))


def test_every_file_a_task_needs_is_made() -> None:
    make(Path(), tasks=[])
    assert set(needed(list(TASKS.values()))) <= set(files.all_files())


def test_a_seed_makes_the_same_files_again(tmp_path: Path) -> None:
    path = "calc/towns.csv"
    assert files.content(path, 3) == files.content(path, 3)
    assert files.content(path, 3) != files.content(path, 4)


def test_what_is_compared_with_is_made_of_its_inputs_seed() -> None:
    # The same towns, in another order.
    towns = files.content("calc/towns.csv", 5).decode().split()
    top = files.content("calc/towns_top.txt", 5).decode().strip()
    most = max(towns[1:], key=lambda line: int(line.split(",")[1]))
    assert most.startswith(f"{top},")


def test_an_unknown_oracle_is_named_with_near_names() -> None:
    with pytest.raises(UnknownTask, match="sum_column"):
        oracle_named("calc.sum_colum")


def node(name: str, role: str, box: Box | None, *parents: str) -> Node:
    return Node(
        role, name, box, frozenset(), "soffice", ("", name), tuple(("", p) for p in parents)
    )


def test_an_offices_boxes_are_put_below_its_menu_bar() -> None:
    nodes = [
        node("frame", "frame", Box(0, 0, 100, 100)),
        node("pane", "root pane", Box(0, 20, 100, 100), "frame"),
        node("bar", "menu bar", Box(0, 20, 100, 45), "frame"),
        node("tools", "tool bar", Box(0, 20, 100, 50), "frame", "pane"),
        node("sheet", "table", Box(0, 50, 100, 90), "frame", "pane"),
        node("gtk", "panel", Box(0, 75, 100, 115), "frame", "pane", "sheet"),
    ]
    tops = {one.name: one.box and one.box.top for one in straightened(nodes)}
    assert tops == {"frame": 0, "pane": 20, "bar": 20, "tools": 45, "sheet": 75, "gtk": 75}
    seen = [*nodes[:3], node("tools", "tool bar", Box(0, 45, 100, 75), "frame", "pane"), *nodes[4:]]
    assert straightened(seen) == seen


def test_a_window_that_is_being_built_shows_nothing_of_the_office() -> None:
    nodes = [
        node("frame", "frame", Box(0, 0, 100, 100)),
        node("pane", "root pane", Box(0, 20, 100, 100), "frame"),
        node("sheet", "table", Box(0, 50, 100, 90), "frame", "pane"),
    ]
    assert [one.name for one in straightened(nodes)] == ["frame", "pane"]


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mirror")
    make(folder, tasks=[TASKS[name] for name in OF_EACH_APPLICATION])
    return folder


@pytest.mark.parametrize("name", OF_EACH_APPLICATION)
def test_the_oracle_solves_it(name: str, mirror: Path) -> None:
    assert shutil.which(OF_EACH_APPLICATION[name]), "make apps installs what is missing"
    tried = try_task(TASKS[name], ORACLE, mirror, SIZE)
    assert tried.score == 1.0, tried


@pytest.mark.parametrize(
    "name", ["terminal.count_lines", "thunar.rename_file", "vlc.start_minimal"]
)
def test_doing_nothing_solves_nothing(name: str, mirror: Path) -> None:
    tried = try_task(TASKS[name], NOTHING, mirror, SIZE)
    assert tried.score == 0.0, tried
