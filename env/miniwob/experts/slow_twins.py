"""Tasks that differ from a `-nodelay` one by their animations: wait, then do the same."""

from env.miniwob.experts.clicking import click_link_in_a_section, quoted
from env.miniwob.experts.dates import choose_date
from env.miniwob.experts.flights import LATE_MS
from env.miniwob.experts.gestures import wait
from env.miniwob.experts.memory import milliseconds_since_first
from env.miniwob.experts.registry import Move, expert
from env.miniwob.experts.sight import find, find_shown
from env.miniwob.experts.typing_short import use_autocomplete
from env.miniwob.page import MiniWobPage


@expert("click-collapsible-2")
def click_link_in_a_slow_section(page: MiniWobPage) -> Move:
    if page.evaluate("() => $(':animated').length > 0"):
        return wait(0.5, "The section is moving.")
    return click_link_in_a_section(page)


@expert("choose-date", "choose-date-easy", "choose-date-medium")
def choose_date_slowly(page: MiniWobPage) -> Move:
    if page.evaluate("() => $('#ui-datepicker-div').is(':animated')"):
        return wait(0.5, "The calendar is moving.")
    return choose_date(page)


@expert("use-autocomplete")
def use_slow_autocomplete(page: MiniWobPage) -> Move:
    field = find(page, "#tags")
    start = quoted(page, r'starts with "(.*?)"')
    is_typed = field.value == start and field.focused
    is_closed = not find_shown(page, ".ui-menu-item")
    # A whole country can be its own beginning: after the wait the list has been and gone.
    if is_typed and is_closed and milliseconds_since_first(page, f"typed {start}") < LATE_MS:
        return wait(0.5, "The list is about to open.")
    return use_autocomplete(page)
