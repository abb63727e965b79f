"""The real desktop, on an Xvfb that stands for the user's display."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import ImageChops
from Xlib import X, Xatom

from env.actions import Click, Drag, Keys, Move, Point, Scroll, TypeText
from env.backends import open_desktop
from env.desktop import wait_until_settled
from env.errors import ActionRefused, DesktopUnavailable
from env.real import OneMonitor, RealDesktop, monitor_box
from env.screen import Box, ScreenSize
from env.virtual import VirtualDesktop
from env.x11_connection import connect

RED, BLUE = 0xE00000, 0x0000E0
TERMINAL, OTHER = Box(100, 100, 300, 250), Box(250, 180, 450, 330)


class Session:
    """A display, and windows on it: a terminal of ours and somebody else's above it."""

    def __init__(self, desktop: VirtualDesktop) -> None:
        self.environment = dict(desktop.environment)
        self.desktop = desktop
        self.x = connect(self.environment["DISPLAY"], Path(self.environment["XAUTHORITY"]))
        self.root = self.x.screen().root

    def window(self, box: Box, colour: int, pid: int = 0) -> Any:
        """One that no window manager touches, so that it is where it was put."""
        window = self.root.create_window(
            box.left,
            box.top,
            box.right - box.left,
            box.bottom - box.top,
            0,
            self.x.screen().root_depth,
            X.InputOutput,
            background_pixel=colour,
            override_redirect=True,
            event_mask=0,
        )
        if pid:
            self._wait_for_list()
            owner = self.x.intern_atom("_NET_WM_PID")
            window.change_property(owner, Xatom.CARDINAL, 32, [pid])
            # As a window manager lists it.
            listed = self.x.intern_atom("_NET_CLIENT_LIST")
            self.root.change_property(listed, Xatom.WINDOW, 32, [window.id])
        window.map()
        self.x.sync()
        return window

    def _wait_for_list(self) -> None:
        """Until the window manager has written its own, which would take the place of ours."""
        listed = self.x.intern_atom("_NET_CLIENT_LIST")
        until = time.monotonic() + 5.0
        while self.root.get_full_property(listed, Xatom.WINDOW) is None:
            assert time.monotonic() < until
            time.sleep(0.01)

    def shrink(self, width: int, height: int) -> None:
        """As when a monitor is unplugged."""
        resources = self.root.xrandr_get_screen_resources()
        (crtc,) = resources.crtcs
        self.x.xrandr_set_crtc_config(crtc, resources.config_timestamp, 0, 0, 0, 1, [])
        self.root.xrandr_set_screen_size(width, height, 100, 80)
        self.x.sync()


@pytest.fixture
def session() -> Iterator[Session]:
    with VirtualDesktop(ScreenSize(640, 480)) as desktop:
        found = Session(desktop)
        yield found
        found.x.close()


@pytest.mark.parametrize(
    "environment",
    [
        {"XDG_SESSION_TYPE": "wayland", "DISPLAY": ":0"},
        {"WAYLAND_DISPLAY": "wayland-0", "DISPLAY": ":0"},
    ],
)
def test_wayland_is_refused_with_what_to_do(environment: dict[str, str]) -> None:
    with pytest.raises(DesktopUnavailable, match='choose a session named "X11"'):
        RealDesktop(environment)


def test_without_a_display_it_says_so() -> None:
    with pytest.raises(DesktopUnavailable, match="no DISPLAY is set"):
        RealDesktop({})


def test_a_display_that_does_not_answer_is_named() -> None:
    with pytest.raises(DesktopUnavailable, match="cannot connect to the display :987"):
        RealDesktop({"DISPLAY": ":987"})


def test_it_opens_by_name(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WAYLAND_DISPLAY", "XDG_SESSION_TYPE", "WINDOWID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DISPLAY", session.environment["DISPLAY"])
    monkeypatch.setenv("XAUTHORITY", session.environment["XAUTHORITY"])
    with open_desktop("real") as desktop:
        assert desktop.screenshot().size == ScreenSize(640, 480)


@pytest.fixture(params=["pid", "windowid"])
def beside(session: Session, request: pytest.FixtureRequest) -> Iterator[RealDesktop]:
    """The real desktop, of which a red window is our own terminal and a blue one is not."""
    terminal = session.window(TERMINAL, RED, os.getppid() if request.param == "pid" else 0)
    session.window(OTHER, BLUE)
    environment = session.environment
    if request.param == "windowid":
        environment = environment | {"WINDOWID": str(terminal.id)}
    with RealDesktop(environment) as desktop:
        assert desktop.own_terminal
        yield desktop


def test_our_own_terminal_is_black_and_what_lies_above_it_is_seen(beside: RealDesktop) -> None:
    image = wait_until_settled(beside).screenshot.image
    assert image.getpixel((150, 150)) == (0, 0, 0)
    assert image.getpixel((270, 200)) == (0, 0, 0xE0)
    assert image.getpixel((440, 320)) == (0, 0, 0xE0)
    box = Box(200, 120, 280, 300)
    assert beside.screenshot_of(box).image.tobytes() == image.crop(box).tobytes()


def test_our_own_terminal_is_not_to_be_reached(beside: RealDesktop) -> None:
    inside, above, outside = Point(150, 150), Point(270, 200), Point(20, 20)
    for action in (
        Click(inside),
        Move(inside),
        Scroll(inside, 1),
        Drag(inside, outside),
        Drag(outside, inside),
    ):
        with pytest.raises(ActionRefused, match="terminal that runs this agent"):
            beside.perform(action)
    beside.perform(Click(above))
    beside.perform(Click(outside))


def test_nothing_is_typed_into_our_own_terminal(session: Session, beside: RealDesktop) -> None:
    (number,) = beside.own_terminal
    terminal = session.x.create_resource_object("window", number)
    terminal.set_input_focus(X.RevertToParent, X.CurrentTime)
    session.x.sync()
    for action in (TypeText("yes\n"), Keys(("enter",))):
        with pytest.raises(ActionRefused, match="the keyboard is with the terminal"):
            beside.perform(action)


def test_a_terminal_that_is_closed_hides_nothing(session: Session, beside: RealDesktop) -> None:
    (number,) = beside.own_terminal
    session.x.create_resource_object("window", number).destroy()
    session.x.sync()
    beside.perform(Click(Point(150, 150)))
    assert wait_until_settled(beside).screenshot.image.getpixel((150, 150)) != (0, 0, 0)


def test_without_a_terminal_of_ours_all_is_seen(session: Session) -> None:
    with RealDesktop(session.environment) as desktop:
        assert not desktop.own_terminal
        assert desktop.screenshot().same_pixels(session.desktop.screenshot())


def test_the_pointer_is_in_the_picture_if_asked_for(session: Session) -> None:
    with (
        RealDesktop(session.environment) as without,
        RealDesktop(session.environment, pointer=True) as with_pointer,
    ):
        with_pointer.perform(Move(Point(333, 222)))
        plain, drawn = without.screenshot().image, with_pointer.screenshot().image
        changed = ImageChops.difference(plain, drawn).getbbox()
        assert changed is not None
        left, top, right, bottom = changed
        assert left <= 334 <= right + 1
        assert top <= 223 <= bottom + 1
        assert right - left < 64
        assert bottom - top < 64


def test_a_screen_that_changes_its_size_is_looked_at_whole(session: Session) -> None:
    with RealDesktop(session.environment) as desktop:
        assert desktop.size == ScreenSize(640, 480)
        session.shrink(400, 300)
        assert desktop.screenshot().size == ScreenSize(400, 300)
        with pytest.raises(ActionRefused, match="off the screen"):
            desktop.perform(Click(Point(500, 100)))


MONITORS = [
    {"name": "left", "x": -1280, "y": 0, "width": 1280, "height": 720, "primary": False},
    {"name": "DP-1", "x": 0, "y": 0, "width": 1920, "height": 1080, "primary": True},
    {"name": "half", "x": 1600, "y": -100, "width": 800, "height": 600, "primary": False},
]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("DP-1", Box(0, 0, 1920, 1080)), ("half", Box(1600, 0, 2400, 500))],
)
def test_a_monitor_is_a_part_of_the_screen(name: str, expected: Box) -> None:
    assert monitor_box(MONITORS, name, ScreenSize(2400, 1080)) == expected


def test_an_unknown_monitor_is_told_of_the_known_ones() -> None:
    with pytest.raises(DesktopUnavailable, match="left, DP-1, half"):
        monitor_box(MONITORS, "HDMI-7", ScreenSize(2400, 1080))


def test_one_monitor_is_worked_in_its_own_pixels(session: Session) -> None:
    whole = RealDesktop(session.environment)
    (monitor,) = whole.monitors
    with OneMonitor(whole, monitor["name"]) as desktop:
        assert desktop.size == ScreenSize(640, 480)
        desktop.perform(Move(Point(10, 20)))
        pointer = session.root.query_pointer()
        assert (pointer.root_x, pointer.root_y) == (10, 20)
