"""Things to look up: tables, result pages, contacts, tickets."""

import re

from env.miniwob.experts.gestures import click, fill, press_button, submit
from env.miniwob.experts.memory import note, recall
from env.miniwob.experts.registry import ExpertLost, Move, expert
from env.miniwob.experts.sight import find, find_all, find_shown
from env.miniwob.page import MiniWobPage

RESULTS_PER_PAGE = 3


@expert("read-table")
def copy_one_value(page: MiniWobPage) -> Move:
    asked = re.search(r"value of (.*) into the text field", page.instruction)
    if asked is None:
        raise ExpertLost(f"no label in {page.instruction!r}")
    value = _table(page)[asked[1]]
    move = fill(find(page, "#tt"), value, "the text field", f"{asked[1]} is {value}.")
    return move or submit(page)


@expert("read-table-2")
def copy_two_values(page: MiniWobPage) -> Move:
    table = _table(page)
    for number in (1, 2):
        label = find(page, f"#ll{number}").text.removesuffix(":")
        value = table[label]
        move = fill(find(page, f"#tt{number}"), value, f"the {label} field", f"{label} is {value}.")
        if move is not None:
            return move
    return submit(page)


@expert("search-engine")
def search(page: MiniWobPage) -> Move:
    asked = re.search(r'enter "(.*)" and press .* the (\d+)\w\w search result', page.instruction)
    if asked is None:
        raise ExpertLost(f"no name and number in {page.instruction!r}")
    name, index = asked[1], int(asked[2]) - 1
    move = fill(find(page, "#search-text"), name, "the search field")
    if move is not None:
        return move
    results = find_shown(page, "#page-content a")
    if not results or results[0].attributes["data-result"] == "-1":
        return press_button(page, "#search", "The name is typed; search.")
    for result in results:
        if int(result.attributes["data-result"]) == index:
            return click(result, f'the "{result.text}" link', f"This is result {index + 1}.")
    number = str(index // RESULTS_PER_PAGE + 1)
    link = find(page, "#pagination a", text=number)
    return click(link, f'page "{number}"', f"Result {index + 1} is on page {number}.")


@expert("phone-book")
def find_contact(page: MiniWobPage) -> Move:
    """Forward through the pages, back only to a page where the name was seen."""
    asked = re.search(r"Find (.*) in the contact book .* their (\w+)", page.instruction)
    if asked is None:
        raise ExpertLost(f"no name in {page.instruction!r}")
    name, what = asked.groups()
    here = find(page, "#contact .name")
    if here.text == name:
        link = find(page, f"#contact .{what}")
        return click(link, f'the {what} "{link.text}"', f"This is {name}.")
    number = int(here.attributes["data-index"])
    note(page, f"contact {number}", here.text)
    seen = [int(key.split()[1]) for key, value in recall(page).items() if value == name]
    arrow = "<" if seen and seen[0] < number else ">"
    links = [link for link in find_shown(page, "#pagination a") if link.text == arrow]
    if not links:
        links = [link for link in find_shown(page, "#pagination a") if link.text == "<"]
    return click(links[0], f'"{links[0].text}"', f"This is {here.text}, not {name}.")


@expert("buy-ticket")
def buy_ticket(page: MiniWobPage) -> Move:
    buttons = find_all(page, ".buy-ticket")
    if "cost" in page.instruction:
        values = [int(button.attributes["data-price"]) for button in buttons]
    else:
        durations = find_all(page, ".time-duration")
        values = [int(duration.attributes["data-duration"]) for duration in durations]
    highest = re.search("longest|most expensive", page.instruction) is not None
    best = values.index(max(values) if highest else min(values))
    asked = re.search(r"with the (.*)\.", page.instruction)
    if asked is None:
        raise ExpertLost(f"no wish in {page.instruction!r}")
    return click(buttons[best], f'"{buttons[best].text}"', f"This has the {asked[1]}.")


def _table(page: MiniWobPage) -> dict[str, str]:
    cells = [cell.text for cell in find_all(page, "#tab td")]
    return dict(zip(cells[::2], cells[1::2], strict=True))
