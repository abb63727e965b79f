"""Desktops by name."""

import pytest

from env.backends import open_desktop
from env.errors import DesktopUnavailable
from env.fake import FakeDesktop
from env.screen import ScreenSize


def test_a_fake_desktop_opens_by_name() -> None:
    assert isinstance(open_desktop("fake"), FakeDesktop)


def test_a_virtual_desktop_opens_in_the_size_asked_for() -> None:
    with open_desktop("virtual", ScreenSize(640, 400)) as desktop:
        assert desktop.screenshot().size == ScreenSize(640, 400)


def test_a_machine_that_is_not_there_is_said_to_be_missing() -> None:
    with pytest.raises(DesktopUnavailable, match="no OSWorld machine at osworld://localhost:1"):
        open_desktop("osworld://localhost:1")


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match="virtual, browser, real, fake"):
        open_desktop("vitual")


def test_the_fake_desktop_has_one_size() -> None:
    with pytest.raises(ValueError, match="320"):
        open_desktop("fake", ScreenSize(1, 1))
