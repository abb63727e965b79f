import pytest

from env.actions import Keys, TypeText
from env.browser import BrowserDesktop
from env.miniwob.page import MiniWobPage
from env.miniwob.reader import PageReading, TextRun, Widget, read
from env.screen import Box

OVERLAPPING = """
() => {
  const area = document.getElementById('area');
  area.innerHTML = '<button style="position:absolute;left:10px;top:60px;width:90px">Under</button>'
    + '<button style="position:absolute;left:5px;top:55px;width:110px;height:40px">Over</button>';
}
"""
SCROLLED = """
() => {
  const rows = Array.from({length: 20}, (_, n) => `<div style="height:20px">row${n}</div>`);
  document.getElementById('area').innerHTML =
    `<div id="list" style="height:40px;overflow-y:scroll">${rows.join('')}</div>`;
  document.getElementById('list').scrollTop = 100;
}
"""


def text(reading: PageReading, string: str) -> TextRun:
    return next(run for run in reading.texts if run.string == string)


def widget(reading: PageReading, kind: str) -> Widget:
    return next(widget for widget in reading.widgets if widget.kind == kind)


def inside(inner: Box, outer: Box) -> bool:
    return (
        outer.left <= inner.left
        and outer.top <= inner.top
        and inner.right <= outer.right
        and inner.bottom <= outer.bottom
    )


def test_the_instruction_is_read_line_by_line(page: MiniWobPage) -> None:
    page.open("click-checkboxes-large")
    page.reset(3)
    strip = [run for run in read(page).texts if run.box.bottom <= 50]
    assert " ".join(run.string for run in strip) == page.instruction


def test_every_character_has_a_cell_inside_its_run(page: MiniWobPage) -> None:
    page.open("click-button")
    page.reset(3)
    for run in read(page).texts:
        assert "".join(char for char, _ in run.chars) == run.string
        assert all(inside(box, run.box) for _, box in run.chars)
        assert all(box.right > box.left and box.bottom > box.top for _, box in run.chars)


def test_ink_lies_where_a_character_is_said_to_be(
    desktop: BrowserDesktop, page: MiniWobPage
) -> None:
    page.open("click-button")
    page.reset(3)
    reading, picture = read(page), desktop.screenshot().image.convert("L")
    for run in reading.texts:
        for char, box in run.chars:
            grey = picture.crop(box).tobytes()
            if char not in " .,":
                assert max(grey) - min(grey) > 60, f"{char!r} of {run.string!r} at {box}"


@pytest.mark.parametrize("task", ["enter-text", "enter-password"])
def test_what_is_typed_is_read_back(task: str, desktop: BrowserDesktop, page: MiniWobPage) -> None:
    page.open(task)
    page.reset(1)
    desktop.perform(Keys(("tab",)))
    desktop.perform(TypeText("Wil 42"))
    shown = "•" * 6 if task == "enter-password" else "Wil 42"
    reading = read(page)
    field = next(widget for widget in reading.widgets if widget.focused)
    assert field.value == "Wil 42"
    assert text(reading, shown).kind == "value"
    assert inside(text(reading, shown).box, field.box)


def test_a_half_filled_date_is_read_with_its_hints(
    desktop: BrowserDesktop, page: MiniWobPage
) -> None:
    page.open("enter-date")
    page.reset(1)
    desktop.perform(Keys(("tab",)))
    desktop.perform(TypeText("0224"))
    reading = read(page)
    assert text(reading, "02/24/yyyy").kind == "value"
    assert widget(reading, "date").value == ""


def test_what_lies_under_something_is_not_read(page: MiniWobPage) -> None:
    page.open("click-test")
    page.reset(1)
    page.evaluate(OVERLAPPING)
    reading = read(page)
    assert [run.string for run in reading.texts if run.box.top > 50] == ["Over"]
    assert [widget.label for widget in reading.widgets] == ["Over"]


def test_what_is_scrolled_away_is_not_read(page: MiniWobPage) -> None:
    page.open("click-test")
    page.reset(1)
    page.evaluate(SCROLLED)
    rows = [run.string for run in read(page).texts if run.box.top > 50]
    assert rows == ["row5", "row6"]


def test_a_checkbox_has_its_label_and_its_state(page: MiniWobPage) -> None:
    page.open("click-checkboxes")
    page.reset(1)
    page.evaluate("() => document.querySelector('#ch0').click()")
    boxes = [widget for widget in read(page).widgets if widget.kind == "checkbox"]
    assert [box.checked for box in boxes] == [True] + [False] * (len(boxes) - 1)
    assert all(box.label for box in boxes)


def test_reading_leaves_the_page_as_it_was(desktop: BrowserDesktop, page: MiniWobPage) -> None:
    page.open("copy-paste")
    page.reset(1)
    before = page.evaluate("() => document.documentElement.outerHTML")
    picture = desktop.screenshot()
    read(page)
    assert page.evaluate("() => document.documentElement.outerHTML") == before
    assert desktop.screenshot().same_pixels(picture)
