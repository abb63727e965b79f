import io
from pathlib import Path

import pytest
from rich.console import Console

from agent.action_text import action_text, finish_text
from agent.loop import Loop, LoopConfig
from agent.policy import ScriptedPolicy
from env.actions import TypeText
from env.fake import FAKE_SIZE, FakeDesktop
from trajectories.store import RunStore
from trajectories.waterfall import PARTS
from ui.commands.stats import tell_stats
from ui.waterfall import COLOURS, bar


def test_every_part_has_a_colour_of_its_own() -> None:
    assert tuple(COLOURS) == PARTS
    assert len(set(COLOURS.values())) == len(PARTS)


@pytest.mark.parametrize(
    ("seconds", "cells"),
    [
        ({"settle": 1.0, "decode": 1.0}, "███"),
        ({"settle": 1.0, "decode": 1.0, "act": 2.0}, "█▌"),
        ({"vision": 5.0}, "█"),
        ({}, " "),
        ({"vision": 0.0}, " "),
    ],
)
def test_a_bar_is_as_long_as_its_cells(seconds: dict[str, float], cells: str) -> None:
    text = bar(seconds, 6)
    assert text.cell_len == 6
    assert set(text.plain) == set(cells)


def test_parts_are_as_long_as_they_took_in_the_order_of_their_happening() -> None:
    text = bar({"act": 1.0, "settle": 3.0, "decode": 2.0}, 6)
    colours = [str(span.style) for span in text.spans]
    assert colours == [COLOURS[part] for part in ["settle"] * 3 + ["decode"] * 2 + ["act"]]


def test_where_two_parts_meet_in_a_cell_the_border_is_drawn_to_an_eighth() -> None:
    text = bar({"settle": 3.0, "act": 5.0}, 1)
    assert text.plain == "▍"
    assert str(text.spans[0].style) == f"{COLOURS['settle']} on {COLOURS['act']}"


def test_the_steps_of_a_run_come_to_a_table(tmp_path: Path) -> None:
    answers = [
        action_text(TypeText("Ada"), FAKE_SIZE, words="Type."),
        finish_text(True, words="So."),
    ]
    with FakeDesktop() as desktop, RunStore.create(tmp_path, policy="scripted") as store:
        Loop(ScriptedPolicy(answers), desktop, store, LoopConfig()).run("Write Ada.")
    screen, said = io.StringIO(), list[str]()
    tell_stats(tmp_path, Console(file=screen, width=80), said.append)
    table = screen.getvalue()
    assert "2 steps" in table
    for part in ("settle", "capture", "step"):
        assert part in table
    assert "vision" not in table, "nobody told of any"
    assert said == ["this policy tells no tokens"]
