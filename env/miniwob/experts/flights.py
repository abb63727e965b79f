"""Book a flight: two fields with suggestions, a calendar, then the best of some results."""

import re
from dataclasses import dataclass

from env.miniwob.experts.dates import MONTHS, click_beside
from env.miniwob.experts.gestures import click, fill, keys, press_button, wait
from env.miniwob.experts.memory import milliseconds_since_first
from env.miniwob.experts.registry import ExpertLost, Move, expert
from env.miniwob.experts.sight import find, find_all, find_shown
from env.miniwob.page import MiniWobPage

LATE_MS = 400
"""By then the suggestions have come, if they come by themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    wish: str
    """"cheapest" or "shortest"."""
    start: str
    """A city, "Plattsburgh, NY", or an airport's three letters."""
    end: str
    date: str
    """MM/DD/YYYY, as the date field shows it."""


@expert("book-flight", "book-flight-nodelay")
def book_flight(page: MiniWobPage) -> Move:
    asked = re.search(
        r"Book the (\w+) one-way flight from: (.*) to: (.*) on ([\d/]+)\.", page.instruction
    )
    if asked is None:
        raise ExpertLost(f"no flight in {page.instruction!r}")
    trip = Trip(wish=asked[1], start=asked[2], end=asked[3], date=asked[4])
    if find_shown(page, "#results"):
        return _book(page, trip)
    return (
        _enter_place(page, "#flight-from", trip.start, "the from field")
        or _enter_place(page, "#flight-to", trip.end, "the to field")
        or _enter_date(page, trip.date)
        or press_button(page, "#search", "All is filled in; search.")
    )


def _names(place: str, airport: str) -> bool:
    """The airport, e.g. "Plattsburgh, NY (PBG)", is the place or is in it."""
    return airport.startswith(f"{place} (") or airport.endswith(f" ({place})")


def _enter_place(page: MiniWobPage, selector: str, place: str, name: str) -> Move | None:
    """Type it and take the suggestion; three letters are typed in brackets, which names one."""
    field = find(page, selector)
    if field.value is not None and _names(place, field.value):
        return None
    typed = f"({place})" if re.fullmatch("[A-Z]{3}", place) else place
    if field.value == typed and field.focused:
        for suggestion in find_shown(page, ".ui-autocomplete li"):
            if _names(place, suggestion.text):
                return click(suggestion, f'"{suggestion.text}"', "This is the place.")
        # In one of the two tasks the suggestions come after 0.3 s. The key calls for a list
        # that went away; pressed too early it makes the list come twice.
        if milliseconds_since_first(page, f"typed {typed}") < LATE_MS:
            return wait(0.5, "The list is about to open.")
        return keys("down", thought="The list is not open.")
    if field.value == typed:
        return click(field, name, "Its list is not open.")
    return fill(field, typed, name)


def _enter_date(page: MiniWobPage, date: str) -> Move | None:
    if page.evaluate("() => $('#ui-datepicker-div').is(':animated')"):
        return wait(0.5, "The calendar is moving.")
    field = find(page, "#datepicker")
    calendar = find_shown(page, "#ui-datepicker-div")
    if field.value == date and not calendar:
        return None
    if not calendar:
        if field.focused:
            return click_beside("The calendar must open again.")
        return click(field, "the date field", "The date field is empty.")
    month, day, year = (int(number) for number in date.split("/"))
    shown = find(page, ".ui-datepicker-title").text
    shown_month, shown_year = shown.split()
    ahead = (year - int(shown_year)) * 12 + month - 1 - MONTHS.index(shown_month)
    if ahead < 0:
        return click(find(page, ".ui-datepicker-prev"), "the left arrow", "Go to an earlier month.")
    if ahead > 0:
        return click(find(page, ".ui-datepicker-next"), "the right arrow", "Go to a later month.")
    cell = find(page, ".ui-datepicker-calendar td a", text=str(day))
    return click(cell, f"day {day}", "This is the right month.")


def _book(page: MiniWobPage, trip: Trip) -> Move:
    start, end, date = (
        find_all(page, selector)[0].value or ""
        for selector in ("#flight-from", "#flight-to", "#datepicker")
    )
    if not (_names(trip.start, start) and _names(trip.end, end) and date == trip.date):
        return press_button(page, "#menu-back", "These are other flights.")
    buttons = find_all(page, ".flight-price")
    if trip.wish == "cheapest":
        values = [int(button.attributes["data-price"]) for button in buttons]
    else:
        durations = find_all(page, ".time-duration")
        values = [int(duration.attributes["data-duration"]) for duration in durations]
    best = buttons[values.index(min(values))]
    return click(best, f'"{best.text}"', f"This is the {trip.wish} flight.")
