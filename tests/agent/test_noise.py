import random

import pytest

from agent.noise import spoil
from env.actions import Action, Click, Drag, Keys, Move, Point, Scroll, TypeText, Wait
from env.desktop import refuse_points_outside
from env.screen import ScreenSize

PAGE = ScreenSize(160, 210)
ACTIONS: list[Action] = [
    Click(Point(0, 209), "right", 2, ("ctrl",)),
    Drag(Point(10, 10), Point(150, 200)),
    Scroll(Point(80, 100), -50),
    TypeText("a"),
    TypeText("Ada Lovelace"),
    Keys(("right",), 1),
    Keys(("right",), 10),
]


@pytest.mark.parametrize("action", ACTIONS, ids=repr)
def test_a_spoilt_action_is_of_the_same_kind_and_can_be_performed(action: Action) -> None:
    rng = random.Random(0)
    spoilt = [spoil(action, PAGE, rng) for _ in range(200)]
    assert any(each != action for each in spoilt)
    for each in spoilt:
        assert type(each) is type(action)
        refuse_points_outside(each, PAGE)


def test_the_same_seed_makes_the_same_mistakes() -> None:
    runs = [[spoil(a, PAGE, random.Random(7)) for a in ACTIONS] for _ in range(2)]
    assert runs[0] == runs[1]


@pytest.mark.parametrize("action", [Wait(1.0), Move(Point(1, 1))])
def test_what_has_no_wrong_way_stays_as_it_is(action: Action) -> None:
    assert spoil(action, PAGE, random.Random(0)) == action
