"""Dates and times: the browser's own fields, filled by typing, and the jQuery calendar, clicked."""

from dataclasses import dataclass

from env.actions import Click, Point
from env.miniwob.experts.clicking import groups, quoted
from env.miniwob.experts.gestures import click, submit, type_text
from env.miniwob.experts.registry import ExpertLost, Move, expert
from env.miniwob.experts.sight import find, find_shown
from env.miniwob.page import MiniWobPage
from env.screen import Box

MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)

PARTS = """
function() {
  return [...this.querySelectorAll('[pseudo$=-field]')].map(e => {
    const r = e.getBoundingClientRect();
    return [e.matches(':focus'), Math.round(r.left), Math.round(r.top),
      Math.round(r.right), Math.round(r.bottom)];
  });
}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The month, the day, the hour ... of a date or time field."""

    focused: bool
    box: Box


@expert("enter-date")
def enter_date(page: MiniWobPage) -> Move:
    month, day, year = groups(page, r"Enter (\d+)/(\d+)/(\d+) as")
    # Slashes change nothing, so the date is typed as it is read.
    return fill_parts(page, f"{year}-{month}-{day}", f"{month}/{day}/{year}", "the date field")


@expert("enter-time")
def enter_time(page: MiniWobPage) -> Move:
    hour, minute, half = groups(page, r"Enter (\d+):(\d+).([AP]M)")
    of_24 = int(hour) % 12 + (12 if half == "PM" else 0)
    # Two digits move on to the next part by themselves, the colon does nothing. Without the
    # blank before AM: in this field it opens the browser's own picker.
    return fill_parts(
        page, f"{of_24:02}:{minute}", f"{int(hour):02}:{minute}{half}", "the time field"
    )


def fill_parts(page: MiniWobPage, value: str, typed: str, name: str) -> Move:
    """Start from the first part; typing there overwrites them all."""
    field = find(page, "#tt")
    if field.value == value:
        return submit(page)
    first = parts_of(page, "#tt")[0]
    if first.focused:
        return type_text(typed, name, f"Now type into {name}.")
    return Move(
        action=Click(Point(*first.box.center)),
        target=first.box,
        words=f"Click the start of {name}.",
        thought=f"{name.capitalize()} is not filled in yet.",
    )


def parts_of(page: MiniWobPage, selector: str) -> tuple[Part, ...]:
    return tuple(
        Part(focused=focused, box=Box(*edges)) for focused, *edges in page.inside(selector, PARTS)
    )


@expert("choose-date-nodelay")
def choose_date(page: MiniWobPage) -> Move:
    """Open the calendar, turn its pages towards the month, click the day."""
    wanted = quoted(page, r"Select (\S+) as the date")
    field = find(page, "#datepicker")
    calendar = find_shown(page, "#ui-datepicker-div")
    if not calendar:
        if field.value == wanted:
            return submit(page)
        if field.focused:
            # The calendar opens when the field gets the focus, so it must lose it first.
            return click_beside("The calendar must open again.")
        return click(field, "the date field", "The date is not chosen yet.")
    month, day, year = (int(number) for number in wanted.split("/"))
    shown = find(page, ".ui-datepicker-title").text
    name, shown_year = shown.split()
    months_ahead = (year - int(shown_year)) * 12 + month - 1 - MONTHS.index(name)
    if months_ahead < 0:
        return click(find(page, ".ui-datepicker-prev"), "the left arrow", "Go to an earlier month.")
    if months_ahead > 0:
        return click(find(page, ".ui-datepicker-next"), "the right arrow", "Go to a later month.")
    for cell in find_shown(page, ".ui-datepicker-calendar td a"):
        if cell.text == str(day):
            return click(cell, f"day {day}", "This is the right month.")
    raise ExpertLost(f"no day {day} in {shown}")


def click_beside(thought: str) -> Move:
    """A click where no task has anything, for what closes or lets go when one clicks elsewhere."""
    at = Point(150, 204)
    return Move(
        action=Click(at),
        target=Box(at.x - 4, at.y - 4, at.x + 5, at.y + 5),
        words="Click the empty corner.",
        thought=thought,
    )
