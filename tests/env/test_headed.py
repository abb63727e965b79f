"""A browser window on a virtual desktop: where its page is, and that it looks as without one."""

import time

import pytest

from env.actions import Click, Point
from env.browser import MINIWOB_SIZE, BrowserDesktop
from env.desktop import Desktop, wait_until_settled
from env.errors import DesktopLost
from env.headed import HeadedBrowser
from env.miniwob.page import MiniWobPage, html_folder
from env.screen import ScreenSize
from env.viewport import Viewport
from env.virtual import VirtualDesktop

TASKS = ("email-inbox", "login-user", "click-tab")

CORNERS = """() => {
  document.body.style.margin = 0
  for (const [where, colour] of [['left:0;top:0', '#f00'], ['right:0;bottom:0', '#0f0']]) {
    const dot = document.createElement('div')
    dot.style = `position:fixed;width:1px;height:1px;background:${colour};${where}`
    document.body.append(dot)
  }
}"""

NOTE_CLICKS = "() => { onmousedown = event => { window.at = [event.clientX, event.clientY] } }"


def test_the_page_is_where_it_is_said_to_be() -> None:
    with VirtualDesktop() as desktop, HeadedBrowser(desktop) as window:
        window.page.evaluate(CORNERS)
        window.wait_until_drawn()
        picture = wait_until_settled(desktop).screenshot.image
        left, top, right, bottom = window.box
        assert picture.getpixel((left, top)) == (255, 0, 0)
        assert picture.getpixel((right - 1, bottom - 1)) == (0, 255, 0)
        window.page.evaluate(NOTE_CLICKS)
        Viewport(desktop, window.part(ScreenSize(160, 210))).perform(Click(Point(37, 101)))
        until = time.monotonic() + 10.0
        while window.page.evaluate("window.at ?? null") is None and time.monotonic() < until:
            time.sleep(0.02)
        assert window.page.evaluate("at") == [37, 101]


def test_a_task_has_the_same_pixels_in_a_window_and_without() -> None:
    opened = VirtualDesktop(shown=(html_folder(),))
    with opened as desktop, HeadedBrowser(desktop) as window:
        viewport = Viewport(desktop, window.part(MINIWOB_SIZE))
        in_a_window = [picture_of(task, viewport, window) for task in TASKS]
    with BrowserDesktop() as browser:
        without = [picture_of(task, browser, browser) for task in TASKS]
    assert in_a_window == without


def picture_of(task: str, desktop: Desktop, browser: HeadedBrowser | BrowserDesktop) -> bytes:
    page = MiniWobPage(browser.page)
    page.open(task)
    page.reset(5)
    if isinstance(browser, HeadedBrowser):
        browser.wait_until_drawn()
    return wait_until_settled(desktop, interval_seconds=0.1).screenshot.image.tobytes()


def test_the_desktop_outlives_the_window_and_the_window_closes_twice() -> None:
    with VirtualDesktop() as desktop:
        window = HeadedBrowser(desktop)
        window.close()
        window.close()
        with pytest.raises(DesktopLost):
            window.wait_until_drawn()
        desktop.screenshot()
