"""A rectangle of a desktop as a desktop of its own."""

import pytest

from env import fake
from env.actions import Action, Click, Drag, Keys, Move, Point, Scroll, TypeText, Wait
from env.errors import ActionRefused
from env.fake import FakeDesktop
from env.screen import Box, ScreenSize
from env.viewport import Viewport

BOX = Box(10, 20, 230, 120)


@pytest.mark.parametrize(
    ("inside", "outside"),
    [
        (Click(Point(0, 0)), Click(Point(10, 20))),
        (
            Click(Point(3, 4), "right", 2, ("ctrl",)),
            Click(Point(13, 24), "right", 2, ("ctrl",)),
        ),
        (Move(Point(219, 99)), Move(Point(229, 119))),
        (
            Drag(Point(1, 2), Point(3, 4), "middle"),
            Drag(Point(11, 22), Point(13, 24), "middle"),
        ),
        (Scroll(Point(5, 5), -3), Scroll(Point(15, 25), -3)),
        (TypeText("a"), TypeText("a")),
        (Keys(("ctrl", "a")), Keys(("ctrl", "a"))),
        (Wait(0.5), Wait(0.5)),
    ],
)
def test_an_action_is_the_same_action_further_right_and_down(
    inside: Action, outside: Action
) -> None:
    desktop = FakeDesktop()
    Viewport(desktop, BOX).perform(inside)
    assert desktop.performed == [outside]


def test_it_shows_its_part_of_the_desktop() -> None:
    desktop = FakeDesktop()
    shot = Viewport(desktop, BOX).screenshot()
    assert shot.size == ScreenSize(220, 100)
    assert shot.image.tobytes() == desktop.screenshot().image.crop(BOX).tobytes()


def test_a_point_on_the_desktop_but_off_the_viewport_is_refused() -> None:
    desktop = FakeDesktop()
    viewport = Viewport(desktop, BOX)
    for point in (Point(220, 5), Point(5, 100), Point(-1, 5)):
        with pytest.raises(ActionRefused, match="0 to 219"):
            viewport.perform(Click(point))
    assert desktop.performed == []


def test_a_viewport_in_a_viewport_adds_up() -> None:
    desktop = FakeDesktop()
    inner = Viewport(Viewport(desktop, BOX), Box(10, 4, 60, 30))
    inner.perform(Click(Point(1, 1)))
    assert desktop.performed == [Click(Point(21, 25))]


def test_closing_it_leaves_the_desktop_open() -> None:
    desktop = FakeDesktop()
    Viewport(desktop, BOX).close()
    desktop.perform(Click(Point(*fake.BUTTON.center)))
    assert desktop.num_presses == 1


@pytest.mark.parametrize(
    "box",
    [Box(0, 0, 321, 10), Box(0, 0, 10, 241), Box(-1, 0, 5, 5), Box(5, 5, 5, 9), Box(9, 5, 5, 9)],
)
def test_a_box_that_is_not_on_the_desktop_is_refused(box: Box) -> None:
    with pytest.raises(ValueError, match="does not lie on"):
        Viewport(FakeDesktop(), box)
