import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from Xlib import Xatom

from env.accessibility import PASSWORD_TEXT, Accessibility, SessionBus
from env.actions import Click, Drag, Keys, Point, Scroll, TypeText
from env.errors import DesktopUnavailable
from env.headed import HeadedBrowser
from env.input_event import InputEvent
from env.keys import keysym
from env.listen import InputListener, KeyMap
from env.monitors import monitors_of, scale_of
from env.screen import ScreenSize
from env.sign import WIDTH_PX, RecordingSign, without_sign
from env.virtual import VirtualDesktop
from env.windows import window_in_front
from env.x11 import connect

SHIFT, LOCK, GROUP_2, ALTGR = 1, 2, 1 << 13, 0x80
# As XKB lays a German key out: two of each group, then the third level.
E_KEY = [keysym("e"), keysym("E"), 0, 0, 0x20AC, 0x20AC]
COMMA = [keysym(","), keysym("<")]
CYRILLIC = [keysym("f"), keysym("F"), 0x6C1, 0x6E1]


def a_map() -> KeyMap:
    return KeyMap(10, [E_KEY, COMMA, CYRILLIC, [0xFE51, 0xFE50], [keysym("enter")], []])


@pytest.mark.parametrize(
    ("code", "state", "char"),
    [
        (10, 0, "e"),
        (10, SHIFT, "E"),
        (10, LOCK, "E"),
        (10, SHIFT | LOCK, "e"),
        (10, ALTGR, "€"),
        (11, SHIFT, "<"),
        (11, LOCK, ","),
        (12, 0, "f"),
        (12, GROUP_2, "а"),
        (12, GROUP_2 | SHIFT, "А"),
        (14, 0, ""),
        (15, 0, ""),
        (99, 0, ""),
    ],
)
def test_a_key_types_what_the_map_says(code: int, state: int, char: str) -> None:
    assert a_map().read(code, state, down=True)[1] == char


def test_an_accent_waits_for_its_letter() -> None:
    keys = a_map()
    assert keys.read(13, 0, down=True) == ("dead combining acute accent", "")
    assert keys.read(13, 0, down=False)[1] == ""
    assert keys.read(10, 0, down=True) == ("e", "é")
    assert keys.read(10, 0, down=True) == ("e", "e")


def test_a_map_changed_by_a_request_counts_from_then_on() -> None:
    keys = a_map()
    keys.change(15, 2, (keysym("日"), 0))
    assert keys.read(15, 0, down=True) == ("日", "日")


@pytest.fixture(scope="module")
def desktop() -> Iterator[VirtualDesktop]:
    with VirtualDesktop(ScreenSize(800, 600), accessible=True) as opened:
        yield opened


def display_of(desktop: VirtualDesktop) -> tuple[str, Path]:
    return desktop.environment["DISPLAY"], Path(desktop.environment["XAUTHORITY"])


def test_everything_done_on_a_display_is_heard_in_order(desktop: VirtualDesktop) -> None:
    heard: list[InputEvent] = []
    listener = InputListener(*display_of(desktop), heard.append)
    desktop.perform(Click(Point(40, 50), "right"))
    desktop.perform(Scroll(Point(41, 50), -2))
    desktop.perform(Drag(Point(42, 50), Point(90, 60)))
    desktop.perform(TypeText("Aß日<"))
    desktop.perform(Keys(("ctrl", "pagedown")))
    listener.close()
    presses = [(e.button, e.x, e.y) for e in heard if e.kind == "button" and e.down]
    assert presses == [(3, 40, 50), (5, 41, 50), (5, 41, 50), (1, 42, 50)]
    assert [e.char for e in heard if e.kind == "key" and e.down and e.char] == list("Aß日<")
    assert [e.key for e in heard if e.kind == "key"][-4:] == [
        "ctrl",
        "pagedown",
        "pagedown",
        "ctrl",
    ]
    times = [event.at for event in heard]
    assert times == sorted(times)
    assert abs(times[-1] - time.monotonic()) < 5


def test_the_sign_is_on_the_screen_and_not_in_the_pictures(desktop: VirtualDesktop) -> None:
    before = desktop.screenshot().image
    with RecordingSign(*display_of(desktop), desktop.size):
        time.sleep(0.1)
        during = desktop.screenshot().image
    assert during.getpixel((0, 0)) == during.getpixel((799, 599)) == (0xE0, 0x30, 0x2A)
    assert during.getpixel((WIDTH_PX, WIDTH_PX)) == before.getpixel((WIDTH_PX, WIDTH_PX))
    assert without_sign(during).tobytes() == before.tobytes()


def test_a_password_field_and_the_window_in_front_are_known(desktop: VirtualDesktop) -> None:
    connection = connect(*display_of(desktop))
    with HeadedBrowser(desktop, ScreenSize(700, 500)) as browser:
        browser.page.set_content(
            "<body style='margin:0'>"
            "<input type=password aria-label=Secret style='position:absolute;left:9px;top:9px'>"
        )
        browser.wait_until_drawn()
        assert desktop.session_bus is not None
        telling = Accessibility(desktop.session_bus)
        at = Point(browser.box.left + 30, browser.box.top + 18)
        until = time.monotonic() + 10
        while (found := telling.element_at(*at)) is None and time.monotonic() < until:
            time.sleep(0.1)
        assert found is not None
        assert (found.role, found.name) == (PASSWORD_TEXT, "Secret")
        assert found.box is not None
        assert found.box.left == browser.box.left + 9
        before = time.monotonic()
        desktop.perform(Click(at))
        # The address bar had the focus at first.
        while telling.now_focused() != found and time.monotonic() < until:
            time.sleep(0.05)
        assert telling.now_focused() == found
        assert telling.focused(before - 1) is None
        window = window_in_front(connection)
        assert "about:blank" in window.title
        assert "hromium" in window.window_class
        telling.close()
    connection.close()


def test_no_bus_no_accessibility() -> None:
    with pytest.raises(DesktopUnavailable, match="no accessibility"):
        Accessibility(SessionBus.own("unix:path=/nonexistent"))


def test_the_monitors_and_the_scale_of_a_screen_are_told(desktop: VirtualDesktop) -> None:
    connection = connect(*display_of(desktop))
    (monitor,) = monitors_of(connection)
    assert (monitor["x"], monitor["y"], monitor["width"], monitor["height"]) == (0, 0, 800, 600)
    assert scale_of(connection) == 1.0
    connection.screen().root.change_property(
        Xatom.RESOURCE_MANAGER, Xatom.STRING, 8, b"Xft.dpi:\t144\n"
    )
    connection.sync()
    assert scale_of(connection) == 1.5
    connection.close()
