"""One suite for every desktop: what is asked of it arrives, what cannot be done is refused whole.

Each backend stands behind a bench: the same five things to work on (a text field, a button, a
list that scrolls, a slider that is dragged) and a way to read what became of them.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page

from agent.desktop_server import DesktopServer
from env import fake
from env.actions import Action, Click, Drag, Keys, Move, Point, Scroll, TypeText, Wait
from env.browser import BrowserDesktop
from env.desktop import Desktop, wait_until_settled
from env.errors import ActionRefused
from env.fake import FakeDesktop
from env.headed import HeadedBrowser
from env.osworld import OSWorldDesktop
from env.real import RealDesktop
from env.screen import Box, ScreenSize
from env.viewport import Viewport
from env.virtual import VirtualDesktop

BACKENDS = ("fake", "browser", "virtual", "real", "viewport", "osworld")
PATIENCE_SECONDS = 10.0

FORM = """
<body style="margin: 0; background: white">
<style> #field, #button, #list, #slider { position: absolute; left: 20px } </style>
<input id="field" style="top: 10px; width: 260px">
<button id="button" style="top: 50px; width: 80px; height: 30px">Save</button>
<div id="list" style="top: 90px; width: 150px; height: 80px; overflow: auto">
  <div style="height: 4000px; background: linear-gradient(red, blue)"></div>
</div>
<div id="slider" style="top: 190px; width: 201px; height: 16px; background: silver"></div>
<script>
  var presses = 0, double = 0, context = 0, dragged = 0, modified = 0, longest = 0;
  var pressed_at = 0, wheels = [];
  button.onmousedown = () => { pressed_at = performance.now() };
  button.onmouseup = () => { longest = Math.max(longest, performance.now() - pressed_at) };
  slider.addEventListener("mouseup", event => { modified += event.shiftKey ? 1 : 0 });
  onwheel = event => {
    wheels.push([Math.sign(event.deltaX), Math.sign(event.deltaY), event.altKey]);
  };
  button.onclick = event => { presses++; modified += event.ctrlKey ? 1 : 0 };
  button.ondblclick = () => double++;
  button.oncontextmenu = event => { event.preventDefault(); context++ };
  slider.onmousedown = () => {
    onmousemove = event => { dragged = Math.round(event.clientX - 20) };
    onmouseup = () => { onmousemove = null };
  };
</script>
"""


DRAWN = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


@dataclass(frozen=True, kw_only=True)
class Bench:
    desktop: Desktop
    field: Point
    button: Point
    list: Point
    slider: Point
    """The left end of its way; its value is how many pixels to the right it was dragged."""
    text: Callable[[], str]
    presses: Callable[[], int]
    scrolled: Callable[[], float]
    """0 at the top."""
    dragged: Callable[[], int]
    reset: Callable[[], None]
    page: Page | None = None
    """Of the backends that show one."""

    def state(self) -> tuple[object, ...]:
        return self.text(), self.presses(), self.scrolled(), self.dragged()

    def focus_field(self) -> None:
        """Click it and wait for the caret, as an agent waits for the screen to settle."""
        self.desktop.perform(Click(self.field))
        if (page := self.page) is not None:
            self.eventually(lambda: page.evaluate("document.activeElement.id"), "field")

    def eventually(self, read: Callable[[], object], expected: object) -> None:
        """An application answers in its own time."""
        until = time.monotonic() + PATIENCE_SECONDS
        while read() != expected and time.monotonic() < until:
            time.sleep(0.02)
        assert read() == expected


def fake_bench() -> Bench:
    desktop = FakeDesktop()

    def reset() -> None:
        desktop.text, desktop.num_presses, desktop.first_row, desktop.slider = "", 0, 0, 0
        desktop.focused = False

    return Bench(
        desktop=desktop,
        field=Point(*fake.FIELD.center),
        button=Point(*fake.BUTTON.center),
        list=Point(*fake.LIST.center),
        slider=Point(fake.SLIDER.left, fake.SLIDER.top + 5),
        text=lambda: desktop.text,
        presses=lambda: desktop.num_presses,
        scrolled=lambda: desktop.first_row,
        dragged=lambda: desktop.slider,
        reset=reset,
    )


def page_bench(desktop: Desktop, page: Page, left: int = 0, top: int = 0) -> Bench:
    """The form on a page whose content starts at (left, top) of the desktop."""

    def reset() -> None:
        page.set_content(FORM)
        # A click on what has not been drawn yet lands nowhere.
        page.evaluate(DRAWN)

    return Bench(
        desktop=desktop,
        field=Point(left + 60, top + 20),
        button=Point(left + 50, top + 65),
        list=Point(left + 60, top + 130),
        slider=Point(left + 20, top + 198),
        text=lambda: page.evaluate("field.value"),
        presses=lambda: page.evaluate("presses"),
        scrolled=lambda: page.evaluate("list.scrollTop"),
        dragged=lambda: page.evaluate("dragged"),
        reset=reset,
        page=page,
    )


def open_bench(kind: str, stack: ExitStack) -> Bench:
    """Whatever is opened closes with the stack."""
    if kind == "fake":
        return fake_bench()
    if kind == "browser":
        browser = stack.enter_context(BrowserDesktop(ScreenSize(500, 320)))
        return page_bench(browser, browser.page)
    desktop = stack.enter_context(VirtualDesktop())
    window = stack.enter_context(HeadedBrowser(desktop))
    if kind == "real":
        # The Xvfb stands for the display of a user's session.
        real = stack.enter_context(RealDesktop(desktop.environment))
        return page_bench(real, window.page, window.box.left, window.box.top)
    if kind == "virtual":
        return page_bench(desktop, window.page, window.box.left, window.box.top)
    if kind == "osworld":
        machine = stack.enter_context(served(desktop))
        return page_bench(machine, window.page, window.box.left, window.box.top)
    return page_bench(Viewport(desktop, window.box), window.page)


@contextmanager
def served(desktop: VirtualDesktop) -> Iterator[OSWorldDesktop]:
    """The desktop through our own server, which nobody but it touches while it serves."""
    token = "a token for the contract"
    server = DesktopServer(desktop, token, port=0)
    serving = threading.Thread(target=lambda: server.serve(lambda: False))
    serving.start()
    try:
        with OSWorldDesktop(f"osworld://127.0.0.1:{server.port}", token=token) as machine:
            yield machine
    finally:
        server.shut_down()
        serving.join()


@pytest.fixture(scope="module", params=BACKENDS)
def opened(request: pytest.FixtureRequest) -> Iterator[Bench]:
    with ExitStack() as stack:
        yield open_bench(request.param, stack)


@pytest.fixture
def bench(opened: Bench) -> Bench:
    opened.reset()
    return opened


def test_a_screenshot_is_rgb_and_as_large_as_the_desktop(bench: Bench) -> None:
    shot = bench.desktop.screenshot()
    assert shot.image.mode == "RGB"
    assert shot.size == bench.desktop.size
    assert abs(shot.taken_at - time.time()) < PATIENCE_SECONDS


def test_a_part_of_the_screen_is_the_same_pixels_as_the_whole(bench: Bench) -> None:
    whole = wait_until_settled(bench.desktop).screenshot
    box = Box(11, 7, 150, 93)
    assert bench.desktop.screenshot_of(box).image.tobytes() == whole.image.crop(box).tobytes()


def test_a_screen_left_alone_settles(bench: Bench) -> None:
    assert wait_until_settled(bench.desktop, ceiling_seconds=PATIENCE_SECONDS).still


def test_a_point_off_the_screen_is_refused_and_nothing_is_done(bench: Bench) -> None:
    width, height = bench.desktop.size
    inside = bench.button
    for outside in (Point(-1, 5), Point(5, -1), Point(width, 5), Point(5, height)):
        refused: tuple[Action, ...] = (
            Click(outside),
            Move(outside),
            Scroll(outside, 1),
            Drag(outside, inside),
            Drag(inside, outside),
        )
        for action in refused:
            before = bench.state()
            with pytest.raises(ActionRefused, match="off the screen"):
                bench.desktop.perform(action)
            assert bench.state() == before


def test_an_unknown_key_is_refused_and_nothing_is_pressed(bench: Bench) -> None:
    bench.focus_field()
    for action in (Keys(("entr",)), Keys(("ctrl", "nokey")), Keys(("a", "nokey"))):
        with pytest.raises(ActionRefused, match="no key is named"):
            bench.desktop.perform(action)
    with pytest.raises(ActionRefused, match="no key is named"):
        bench.desktop.perform(Click(bench.button, modifiers=("ctlr",)))
    bench.desktop.perform(TypeText("a"))
    bench.eventually(bench.text, "a")
    assert bench.presses() == 0


def test_a_control_code_is_refused_and_nothing_is_typed(bench: Bench) -> None:
    bench.focus_field()
    with pytest.raises(ActionRefused, match="cannot be typed"):
        bench.desktop.perform(TypeText("before\x07after"))
    bench.desktop.perform(TypeText("z"))
    bench.eventually(bench.text, "z")


def test_a_click_arrives_once(bench: Bench) -> None:
    bench.desktop.perform(Move(bench.button))
    bench.desktop.perform(Click(bench.button))
    bench.eventually(bench.presses, 1)


def test_a_double_click_is_two_presses(bench: Bench) -> None:
    bench.desktop.perform(Click(bench.button, count=2))
    bench.eventually(bench.presses, 2)
    if (page := bench.page) is not None:
        bench.eventually(lambda: page.evaluate("double"), 1)


def test_the_right_button_is_not_the_left_one(bench: Bench) -> None:
    bench.desktop.perform(Click(bench.button, button="right"))
    if (page := bench.page) is not None:
        bench.eventually(lambda: page.evaluate("context"), 1)
    assert bench.presses() == 0


def test_a_modifier_is_held_for_its_click_and_no_longer(bench: Bench) -> None:
    bench.desktop.perform(Click(bench.button, modifiers=("ctrl",)))
    bench.desktop.perform(Click(bench.button))
    bench.eventually(bench.presses, 2)
    if bench.page is not None:
        assert bench.page.evaluate("modified") == 1


@pytest.mark.parametrize(
    "text",
    [
        "The quick brown Fox, 0123456789.",
        "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
        "<<>><a href='x'>",
        "éüßñÅ¿¡ naïve €",
        "кириллица ελληνικά",
        "日本語かな",
        "“quotes” — dashes… 😀🎉",
        "".join(chr(code) for code in range(0x100, 0x17F)) + "".join(map(chr, range(0x410, 0x450))),
    ],
    ids=["plain", "punctuation", "angles", "latin", "cyrillic", "japanese", "signs", "many"],
)
def test_text_arrives_exactly(bench: Bench, text: str) -> None:
    bench.focus_field()
    bench.desktop.perform(TypeText(text))
    bench.eventually(bench.text, text)


def test_a_chord_selects_all_and_typing_replaces_it(bench: Bench) -> None:
    bench.focus_field()
    bench.desktop.perform(TypeText("wrong"))
    bench.desktop.perform(Keys(("ctrl", "a")))
    bench.desktop.perform(TypeText("right"))
    bench.eventually(bench.text, "right")


def test_a_key_is_struck_as_often_as_asked(bench: Bench) -> None:
    bench.focus_field()
    bench.desktop.perform(Keys(("Q",), presses=3))
    bench.desktop.perform(Keys(("BackSpace",)))
    bench.eventually(bench.text, "QQ")


def test_a_drag_ends_where_it_was_asked_to(bench: Bench) -> None:
    bench.desktop.perform(Drag(bench.slider, Point(bench.slider.x + 120, bench.slider.y)))
    bench.eventually(bench.dragged, 120)
    bench.desktop.perform(Move(bench.button))
    assert bench.dragged() == 120


def test_the_wheel_goes_down_and_up_again(bench: Bench) -> None:
    bench.desktop.perform(Scroll(bench.list, -1))
    bench.eventually(lambda: bench.scrolled() > 0, True)
    one_notch = bench.scrolled()
    bench.desktop.perform(Scroll(bench.list, -2))
    bench.eventually(bench.scrolled, 3 * one_notch)
    bench.desktop.perform(Scroll(bench.list, 3))
    bench.eventually(bench.scrolled, 0)


def test_waiting_changes_nothing(bench: Bench) -> None:
    before = bench.state()
    bench.desktop.perform(Wait(0.05))
    assert bench.state() == before


def test_a_press_is_held_as_long_as_asked(bench: Bench) -> None:
    if bench.page is None:
        pytest.skip("the fake desktop has no clock")
    bench.desktop.perform(Click(bench.button, hold_seconds=0.4))
    bench.eventually(bench.presses, 1)
    # On a busy machine the page hears of the press late, and counts from there.
    assert bench.page.evaluate("longest") >= 300


def test_a_wheel_turns_sideways_and_with_keys_held(bench: Bench) -> None:
    if bench.page is None:
        pytest.skip("the fake desktop's list has one column")
    page = bench.page
    bench.desktop.perform(Scroll(bench.list, 1, sideways=True))
    bench.eventually(lambda: page.evaluate("wheels"), [[1, 0, False]])
    bench.desktop.perform(Scroll(bench.list, -1, modifiers=("alt",)))
    bench.eventually(lambda: page.evaluate("wheels.at(-1)"), [0, 1, True])


def test_a_drag_is_done_with_keys_held(bench: Bench) -> None:
    if bench.page is None:
        pytest.skip("the fake desktop's slider takes no keys")
    page = bench.page
    end = Point(bench.slider.x + 50, bench.slider.y)
    bench.desktop.perform(Drag(bench.slider, end, modifiers=("shift",)))
    bench.eventually(bench.dragged, 50)
    bench.eventually(lambda: page.evaluate("modified"), 1)
