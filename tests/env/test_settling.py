"""When a screen is at rest."""

from collections.abc import Iterator

import pytest
from PIL import Image

from env.actions import Point, Scroll
from env.desktop import wait_until_settled
from env.fake import LIST, FakeDesktop
from env.screen import Screenshot, ScreenSize
from env.virtual import VirtualDesktop

FIELD = """
import gi
gi.require_version("Gtk", "3.0")
from gi.repository import Gtk
Gtk.Settings.get_default().set_property("gtk-cursor-blink-timeout", 1000)
window, field = Gtk.Window(), Gtk.Entry()
window.add(field)
window.show_all()
field.grab_focus()
Gtk.main()
"""


@pytest.fixture
def blinking() -> Iterator[VirtualDesktop]:
    """With a text field that has the focus, once its caret has been seen to blink."""
    with VirtualDesktop(ScreenSize(320, 240)) as desktop:
        desktop.launch(("/usr/bin/python3", "-c", FIELD))
        wait_until_settled(desktop, still_seconds=1.5, ceiling_seconds=20.0)
        yield desktop


def test_a_blinking_caret_is_no_change(blinking: VirtualDesktop) -> None:
    # GTK's is shown for 0.8 s and hidden for 0.4.
    exact = wait_until_settled(blinking, still_seconds=1.5, ceiling_seconds=3.0, threshold_px=0)
    assert not exact.still, "it blinks"
    settled = wait_until_settled(blinking, still_seconds=1.0, ceiling_seconds=3.0)
    assert settled.still
    assert settled.seconds < 3.0


def test_what_is_seen_on_the_way_is_told_once_and_the_last_is_the_picture_given() -> None:
    desktop = FakeDesktop()
    changes = [Scroll(Point(*LIST.center), notches=-2)]
    seen: list[Screenshot] = []

    def between() -> None:
        if changes:
            desktop.perform(changes.pop())

    settled = wait_until_settled(desktop, between=between, seen=seen.append)
    assert len(seen) == 2, "before the change and after it"
    assert not seen[0].same_pixels(seen[1])
    assert settled.still
    assert settled.screenshot.image is seen[1].image
    assert settled.screenshot.taken_at > seen[1].taken_at


@pytest.mark.parametrize(
    ("box", "another"),
    [
        ((50, 50, 52, 70), False),
        ((50, 50, 54, 150), False),
        ((50, 50, 60, 70), False),
        ((50, 50, 55, 150), True),
        ((50, 50, 54, 151), True),
        ((50, 50, 90, 62), True),
    ],
    ids=["a caret", "a large caret", "a block", "too wide", "too high", "a word"],
)
def test_what_is_a_change(box: tuple[int, int, int, int], another: bool) -> None:
    before = Image.new("RGB", (200, 200), "white")
    after = before.copy()
    after.paste("black", box)
    assert Screenshot(after, 0.0).shows_another(Screenshot(before, 0.0)) is another
    assert Screenshot(after, 0.0).shows_another(Screenshot(before, 0.0), 0)
    assert not Screenshot(after, 0.0).shows_another(Screenshot(after.copy(), 0.0), 0)
