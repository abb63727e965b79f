"""What OpenCUA's converter gives for each line of words, as observed."""

from typing import Any

import pytest

from trajectories.errors import FormatError
from trajectories.formats.opencua_convert import gui_action, joined, told_as_actions

WIDTH, HEIGHT = 1000, 500


def click(kind: str = "click", x: float = 0.1, y: float = 0.4) -> dict[str, Any]:
    return gui_action(kind, x=x, y=y)


def write(message: str) -> dict[str, Any]:
    return gui_action("write", message=message)


def press(key: str) -> dict[str, Any]:
    return gui_action("press", keys=[key])


def hotkey(*keys: str) -> dict[str, Any]:
    return gui_action("hotkey", keys=list(keys))


CASES: list[tuple[str, list[dict[str, Any]]]] = [
    ("Single left Click (100, 200)", [click()]),
    ("Single x1 Click (100, 200)", [click()]),
    ("Double left Click (100, 200)", [click("doubleClick")]),
    ("Double right Click (100, 200)", [click("rightClick")]),
    ("Single middle Click (100, 200)", [click("middleClick")]),
    ("Triple left Click (100, 200)", [click("tripleClick")]),
    ("Mouse long press left button: (100, 200)", [click()]),
    ("Single left Click (1100, -3)", [click(x=1.0, y=0.0)]),
    (
        "Drag from (100, 200) to (500, 250)",
        [
            gui_action("moveTo", x=0.1, y=0.4),
            gui_action("dragTo", x=0.5, y=0.5, button="left"),
        ],
    ),
    ("⌨️ Type: hello$enter$", [write("hello"), press("enter")]),
    ("⌨️ Type: helloo$backspace$", [write("hello")]),
    ("⌨️ Type: a$space$b", [write("a b")]),
    ("⌨️ Type: costs $5", [write("costs 5")]),
    ("⌨️ Type: caps_lockabccaps_lockdef", [write("ABCdef")]),
    ("⌨️ Press: $ctrl$ + c", [hotkey("ctrl", "c")]),
    ("⌨️ Press: $ctrl$ + $shift$ + t", [hotkey("ctrl", "shift", "t")]),
    ("⌨️ Press: $shift$ + abc", [write("Abc")]),
    ("⌨️ Press: $shift$ + $enter$", [hotkey("shift", "enter")]),
    ("⌨️ Press: $shift$ + $tab$", [press("tab")]),
    ("⌨️ Press: $shift$ + $left$", [write("Left")]),
    ("⌨️ Press: $shift$", [hotkey("shift")]),
    ("⌨️ Long Press: $ctrl$ + 3 Clicks (1, 2)", [hotkey("ctrl", "3 Clicks (1, 2)")]),
    ("⌨️ Long Press: $cmd$ + drag", [hotkey("cmd", "drag")]),
    ("Scroll ⬇️×3  ⬆️×1  ", [gui_action("scroll", clicks=-2)]),
    ("terminate the task", [gui_action("terminate", status="success")]),
]


@pytest.mark.parametrize(("words", "actions"), CASES, ids=[case[0] for case in CASES])
def test_words_become_the_actions_theirs_become(words: str, actions: list[dict[str, Any]]) -> None:
    assert told_as_actions(words, WIDTH, HEIGHT) == actions


def test_a_traced_scroll_goes_to_where_it_began_and_adds_up() -> None:
    trace = [
        {"x": 100, "y": 200, "dx": 0, "dy": -1},
        {"x": 110, "y": 200, "dx": 2, "dy": -2},
    ]
    assert told_as_actions("Scroll ⬇️×2", WIDTH, HEIGHT, trace) == [
        gui_action("moveTo", x=0.1, y=0.4),
        gui_action("hscroll", clicks=2),
        gui_action("scroll", clicks=-3),
    ]


@pytest.mark.parametrize(
    "words",
    [
        "Single x2 Click (1, 2)",
        "Single left Click",
        "Fly",
        "Scroll sideways",
        "⌨️ Press: $shift$ + 日a\u200b",
    ],
)
def test_where_their_program_fails_the_episode_is_refused(words: str) -> None:
    with pytest.raises(FormatError):
        told_as_actions(words, WIDTH, HEIGHT)


def test_keys_nobody_knows_are_dropped() -> None:
    assert joined([press("$Unknown (233)$"), write("a"), press("space"), write("b")]) == [
        write("a b")
    ]
