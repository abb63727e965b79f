"""The desktop in memory: deterministic, and dead when told so."""

import pytest

from env import fake
from env.actions import Click, Drag, Keys, Point, Scroll, TypeText
from env.errors import ActionRefused, DesktopLost
from env.fake import FakeDesktop


def test_the_same_actions_give_the_same_pixels() -> None:
    actions = (
        Click(Point(*fake.FIELD.center)),
        TypeText("Ada"),
        Click(Point(*fake.CHECK_BOX.center)),
        Scroll(Point(*fake.LIST.center), -5),
        Drag(Point(fake.SLIDER.left, fake.SLIDER.top + 1), Point(99, fake.SLIDER.top + 1)),
    )
    pictures = []
    for _ in range(2):
        desktop = FakeDesktop()
        for action in actions:
            before = desktop.screenshot()
            desktop.perform(action)
            assert not desktop.screenshot().same_pixels(before)
        pictures.append(desktop.screenshot())
    assert pictures[0].same_pixels(pictures[1])


def test_the_check_box_is_checked_and_unchecked() -> None:
    desktop = FakeDesktop()
    desktop.perform(Click(Point(*fake.CHECK_BOX.center)))
    assert desktop.checked
    desktop.perform(Click(Point(*fake.CHECK_BOX.center)))
    assert not desktop.checked


def test_typing_goes_nowhere_without_focus() -> None:
    desktop = FakeDesktop()
    desktop.perform(TypeText("lost"))
    assert desktop.text == ""


def test_the_list_stops_at_its_ends() -> None:
    desktop = FakeDesktop()
    desktop.perform(Scroll(Point(*fake.LIST.center), 50))
    assert desktop.first_row == 0
    desktop.perform(Scroll(Point(*fake.LIST.center), -50))
    assert desktop.first_row == len(fake.LIST_ROWS) - fake.ROWS_IN_SIGHT


def test_what_was_refused_is_not_in_the_record() -> None:
    desktop = FakeDesktop()
    with pytest.raises(ActionRefused):
        desktop.perform(Keys(("nokey",)))
    desktop.perform(Keys(("tab",)))
    assert desktop.performed == [Keys(("tab",))]


def test_it_vanishes_after_as_many_actions_as_it_was_told() -> None:
    desktop = FakeDesktop(vanish_after=2)
    desktop.perform(Keys(("tab",)))
    desktop.perform(Keys(("tab",)))
    desktop.screenshot()
    with pytest.raises(DesktopLost):
        desktop.perform(Keys(("tab",)))
    with pytest.raises(DesktopLost):
        desktop.screenshot()
    assert len(desktop.performed) == 2
