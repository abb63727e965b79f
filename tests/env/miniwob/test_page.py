import time

import pytest

from env.actions import Click, Point
from env.browser import BrowserDesktop
from env.errors import UnknownTask
from env.miniwob.page import PIX2ACT_59, TASKS, MiniWobPage, html_folder

CLOCK = "() => core.EPISODE_MAX_TIME"


def test_the_list_of_tasks_is_what_the_package_ships() -> None:
    shipped = {path.stem for path in (html_folder() / "miniwob").glob("*.html")}
    assert set(TASKS) == shipped
    assert len(TASKS) == 130


def test_the_evaluation_set_is_a_part_of_the_tasks() -> None:
    assert set(PIX2ACT_59) <= set(TASKS)
    assert len(set(PIX2ACT_59)) == 58, "drag-item is not in miniwob 1.1.0"


def test_the_same_seed_asks_the_same(page: MiniWobPage) -> None:
    page.open("click-checkboxes-large")
    first = [page.reset(seed) for seed in (1, 2, 1)]
    assert first[0] == first[2] != first[1]


def test_the_same_seed_looks_the_same_after_a_reload(
    desktop: BrowserDesktop, page: MiniWobPage
) -> None:
    page.open("click-tab-2")
    page.reset(5, reload=True)
    before = desktop.screenshot()
    desktop.perform(Click(Point(30, 62)))
    page.reset(5, reload=True)
    assert desktop.screenshot().same_pixels(before)


def test_a_screenshot_is_the_size_of_a_task(desktop: BrowserDesktop, page: MiniWobPage) -> None:
    page.open("click-test")
    page.reset(0)
    assert desktop.screenshot().size == (160, 210)
    assert desktop.screenshot().image.getpixel((150, 45)) == (255, 255, 0), "the yellow strip"


def test_an_unknown_task_is_answered_with_near_names(page: MiniWobPage) -> None:
    with pytest.raises(UnknownTask, match="click-button"):
        page.open("click-buton")


def test_the_time_limit_is_off_even_where_a_task_sets_its_own(page: MiniWobPage) -> None:
    page.open("use-colorwheel")  # 7 seconds by nature
    page.reset(0)
    assert page.evaluate(CLOCK) == 2**31 - 1
    time.sleep(0.2)
    assert not page.is_over()


def test_the_outcome_is_the_raw_reward(desktop: BrowserDesktop, page: MiniWobPage) -> None:
    page.open("click-test-2")
    page.reset(3)
    assert page.outcome().raw_reward == 0
    assert not page.is_over()
    x, y = page.evaluate(
        "() => { const r = document.getElementById('subbtn').getBoundingClientRect();"
        " return [Math.round(r.left) + 4, Math.round(r.top) + 4]; }"
    )
    desktop.perform(Click(Point(x, y)))
    assert page.outcome().done
    assert page.outcome().raw_reward == 1


def test_an_instruction_that_says_what_it_means_gives_its_fields(page: MiniWobPage) -> None:
    page.open("email-inbox-forward-nl")
    page.reset(2)
    assert page.instruction
    assert page.fields
    page.open("click-test")
    page.reset(2)
    assert page.fields == {}


def test_a_page_is_written_in_a_font_of_the_callers_choice(desktop: BrowserDesktop) -> None:
    families = "() => [...new Set([...document.all].map(e => getComputedStyle(e).fontFamily))]"
    with desktop.page.context.new_page() as other:
        page = MiniWobPage(other)
        page.open("click-button")
        assert len(page.evaluate(families)) > 1
        page.write_in("DejaVu Serif")
        page.open("click-button")
        assert page.evaluate(families) == ['"DejaVu Serif"']
        with pytest.raises(ValueError, match="no font named 'Courier Old' here; the nearest is"):
            page.write_in("Courier Old")
