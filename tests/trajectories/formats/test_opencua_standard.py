import json
from pathlib import Path
from typing import Any

import pytest

from tests.trajectories.conftest import MakeRun
from trajectories.demo import demos_of
from trajectories.errors import FormatError
from trajectories.formats.opencua_convert import gui_action
from trajectories.formats.opencua_standard import (
    command,
    read_standardized,
    standardized,
    standardized_demo,
)
from trajectories.reading import read_run

PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGA"
    "WjR9awAAAABJRU5ErkJggg=="
)


def raw(*events: tuple[str, str]) -> dict[str, Any]:
    return {
        "episode_id": "e",
        "task_name": "Do it.",
        "metadata": {"screen_width": 100, "screen_height": 100},
        "events": [
            {"action": action, "description": words, "frame": PIXEL} for action, words in events
        ],
    }


def done(*events: tuple[str, str]) -> list[tuple[str, list[dict[str, Any]]]]:
    return [
        (item["instruction"], item["guiactions"])
        for item in standardized(raw(*events))["content"]
        if "guiactions" in item
    ]


def test_a_text_after_a_text_joins_it_and_its_image_goes() -> None:
    told = standardized(raw(("type", "⌨️ Type: ab"), ("type it", "⌨️ Type: cd")))
    assert len([item for item in told["content"] if item.get("class_") == "image_observation"]) == 1
    assert done(("type", "⌨️ Type: ab"), ("type it", "⌨️ Type: cd")) == [
        ("type type it", [gui_action("write", message="abcd")])
    ]


def test_two_clicks_on_one_point_are_a_double_click() -> None:
    click = ("click", "Single left Click (10, 10)")
    assert done(click, click) == [("click click", [gui_action("doubleClick", x=0.1, y=0.1)])]


def test_a_lone_modifier_goes_with_its_image() -> None:
    click = ("click", "Single left Click (10, 10)")
    assert [words for words, _ in done(("press", "⌨️ Press: $shift$"), click)] == ["click"]
    assert [words for words, _ in done(click, ("press", "⌨️ Press: $ctrl$"), click)] == [
        "click click"
    ]


def test_what_follows_a_drag_and_begins_with_c_is_a_copy() -> None:
    drag = ("drag", "Drag from (1, 1) to (50, 50)")
    assert done(drag, ("type", "⌨️ Type: cat"))[1][1] == [gui_action("hotkey", keys=["cmd", "c"])]


def test_actions_are_told_as_their_text_form_has_it() -> None:
    assert command(gui_action("click", x=0.123456, y=0.5)) == "pyautogui.click(x=0.1235, y=0.5)"
    assert command(gui_action("scroll", clicks=-3)) == "pyautogui.scroll(-3)"
    assert command(gui_action("hotkey", keys=["ctrl", "c"])) == (
        "pyautogui.hotkey(keys=['ctrl', 'c'])"
    )
    assert command(gui_action("terminate", status="success")) == (
        "computer.terminate(status='success')"
    )


def test_an_episode_of_ours_is_written_and_read_again(make_run: MakeRun, tmp_path: Path) -> None:
    (demo,) = demos_of(read_run(make_run()))
    path = tmp_path / "told.json"
    path.write_text(json.dumps(standardized_demo(demo)))
    (again,) = read_standardized(path)
    assert (again.instruction, again.success) == (demo.instruction, True)
    assert [step.png for step in again.steps] == [step.png for step in demo.steps]
    assert [step.sections.action for step in again.steps] == [
        step.sections.action for step in demo.steps
    ]


def test_what_the_form_cannot_say_is_refused_not_lost(make_run: MakeRun) -> None:
    held = (
        "## Action:\nPress long.\n## Code:\n```python\n"
        "pyautogui.mouseDown(x=0.5, y=0.5)\ntime.sleep(1)\npyautogui.mouseUp()\n```"
    )
    (demo,) = demos_of(read_run(make_run([held])))
    with pytest.raises(FormatError, match="cannot be said"):
        standardized_demo(demo)


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for text in ("[", '{"content": 3}', '[{"content": [], "task_id": "x"}]'):
        path.write_text(text)
        with pytest.raises(FormatError, match=r"a\.json"):
            list(read_standardized(path))
