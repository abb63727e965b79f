from typing import Any

import pytest

from trajectories.formats.opencua_reduce import reduce_events


class Person:
    """Writes the rows AgentNetTool writes, with a clock of its own."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.now = 100.0

    def row(self, action: str, **fields: Any) -> "Person":
        self.rows.append(
            {"time_stamp": self.now, "action": action, "event_idx": len(self.rows), **fields}
        )
        self.now += 0.01
        return self

    def wait(self, seconds: float) -> "Person":
        self.now += seconds
        return self

    def move(self, *points: tuple[int, int]) -> "Person":
        for x, y in points:
            self.row("move", x=x, y=y)
        return self

    def button(self, x: int, y: int, pressed: bool, button: str = "left") -> "Person":
        return self.row("click", x=x, y=y, button=button, pressed=pressed)

    def click(self, x: int, y: int, button: str = "left") -> "Person":
        return self.button(x, y, True, button).button(x, y, False, button)

    def key(self, *names: str) -> "Person":
        for name in names:
            self.row("press", name=name).row("release", name=name)
        return self

    def down(self, name: str) -> "Person":
        return self.row("press", name=name)

    def up(self, name: str) -> "Person":
        return self.row("release", name=name)

    def scroll(self, dx: int, dy: int, times: int = 1) -> "Person":
        for _ in range(times):
            self.row("scroll", x=5, y=6, dx=dx, dy=dy)
        return self

    def told(self) -> list[tuple[str, str | None]]:
        return [(action.action, action.description) for action in reduce_events(self.rows)]


END = ("click", "Single left Click")
"""A click somewhere else: the last action is told twice, so the cases are not the last."""


def told(person: Person) -> list[tuple[str, str | None]]:
    *before, last = person.wait(2).click(900, 400).told()
    assert last == END
    return before


def test_clicks_near_in_time_and_place_are_one() -> None:
    assert told(Person().click(1, 1)) == [("click", "Single left Click")]
    # Theirs never looks back from the second place.
    assert told(Person().key("a").click(1, 1).click(3, 3)) == [
        ("type", "⌨️ Type: a"),
        ("click", "Double left Click"),
    ]
    assert told(Person().click(1, 1).click(2, 2)) == [("click", "Single left Click")] * 2
    assert told(Person().key("a").click(1, 1).click(1, 1).click(1, 1).click(1, 1)) == [
        ("type", "⌨️ Type: a"),
        ("click", "Triple left Click"),
        ("click", "Single left Click"),
    ]
    assert (
        told(Person().key("a").click(1, 1).click(8, 1))[1:] == [("click", "Single left Click")] * 2
    )


def test_a_press_a_way_and_a_release_are_a_drag() -> None:
    person = Person().button(10, 10, True).move((12, 10), (40, 10)).button(50, 10, False)
    assert told(person) == [("drag", "Drag from (10, 10) to (50, 10)")]
    person = Person().button(10, 10, True).move((11, 10)).button(12, 10, False)
    assert told(person) == [("click", "Single left Click")]


def test_the_last_drag_of_a_recording_is_told_as_a_click() -> None:
    person = Person().button(10, 10, True).move((12, 10), (40, 10)).button(50, 10, False)
    assert person.told() == [("drag", "Single left Click")]


def test_typing_is_joined_whatever_the_time_between() -> None:
    person = Person().key("h", "i").wait(60).key("enter")
    assert told(person) == [("type", "⌨️ Type: hi$enter$")]


def test_shift_and_one_text_count_as_typing() -> None:
    person = Person().key("a").down("shift").key("B").up("shift").key("c")
    assert told(person) == [("type", "⌨️ Type: aBc")]


def test_chords_are_presses() -> None:
    assert told(Person().down("ctrl_l").key("c").up("ctrl_l")) == [("press", "⌨️ Press: $ctrl$ + c")]
    person = Person().down("ctrl_l").down("shift").key("t").up("shift").up("ctrl_l")
    assert told(person) == [("press", "⌨️ Press: $ctrl$ + $shift$ + t")]


def test_clicks_under_ctrl_are_a_long_press_that_counts_them() -> None:
    person = Person().down("ctrl_l").click(1, 1).wait(1).click(90, 90).up("ctrl_l")
    assert told(person) == [("long_press", "⌨️ Long Press: $ctrl$ + 2 Clicks")]


def test_a_scroll_joins_all_its_ways_and_the_last_one_is_lost() -> None:
    assert told(Person().scroll(0, -1, 3).scroll(0, 1).scroll(0, 0)) == [
        ("scroll", "Scroll ⬇️×3  ⬆️×1  ")
    ]
    assert Person().click(1, 1).scroll(0, -1, 3).told() == [("click", "Single left Click")]


def test_what_is_never_released_is_closed_and_marked() -> None:
    first, _ = reduce_events(Person().button(1, 1, True).wait(3).click(500, 5, "right").rows)
    assert (first.exception, first.end_time) == (True, 100.5)
    (press, _) = reduce_events(Person().down("alt_l").wait(3).click(5, 5).rows)
    assert (press.description, press.exception) == ("⌨️ Press: $alt$", True)


def test_moves_go_with_what_comes_after_them() -> None:
    (action,) = reduce_events(Person().move((1, 1), (2, 2)).click(2, 2).rows)
    dumped = action.dump()
    assert dumped["pre_move"]["trace"] == [[1, 1], [2, 2]]
    assert dumped["coordinate"] == {"x": 2, "y": 2}
    assert dumped["id"] == 0
    assert [child["pressed"] for child in dumped["children"]] == [False]
    assert action.shown()["target"] == {"mark": False}


def test_pauses_are_passed_over_and_other_kinds_refused() -> None:
    assert Person().row("pause").click(1, 1).row("resume").told() == [END]
    with pytest.raises(ValueError, match="kind 'fly'"):
        reduce_events(Person().row("fly").rows)
