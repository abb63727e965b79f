"""Tasks that differ from a `-nodelay` one by their animations: wait, then do the same."""

from env.miniwob.experts.clicking import quoted
from env.miniwob.experts.dates import choose_date
from env.miniwob.experts.gestures import wait
from env.miniwob.experts.registry import Move, expert
from env.miniwob.experts.sight import find, find_shown
from env.miniwob.experts.typing_short import use_autocomplete
from env.miniwob.page import MiniWobPage


@expert("choose-date", "choose-date-easy", "choose-date-medium")
def choose_date_slowly(page: MiniWobPage) -> Move:
    if page.evaluate("() => $('#ui-datepicker-div').is(':animated')"):
        return wait(0.5, "The calendar is moving.")
    return choose_date(page)


@expert("use-autocomplete")
def use_slow_autocomplete(page: MiniWobPage) -> Move:
    field = find(page, "#tags")
    typed = field.value == quoted(page, r'starts with "(.*?)"')
    if typed and field.focused and not find_shown(page, ".ui-menu-item"):
        return wait(0.5, "The list is about to open.")
    return use_autocomplete(page)
