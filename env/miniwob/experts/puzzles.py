"""Search step by step: a file tree, a pie menu, a grid of checkboxes, tic-tac-toe, an inbox."""

from collections.abc import Sequence
from functools import cache

from env.miniwob.experts.choosing import UNWANTED, WANTED
from env.miniwob.experts.clicking import FOUND, quoted
from env.miniwob.experts.gestures import click, submit
from env.miniwob.experts.registry import ExpertLost, Move, expert
from env.miniwob.experts.sight import Element, find, find_all, find_shown
from env.miniwob.page import MiniWobPage

LINES = ((0, 1, 2), (3, 4, 5), (6, 7, 8), (0, 3, 6), (1, 4, 7), (2, 5, 8), (0, 4, 8), (2, 4, 6))
SQUARES = (
    *("top left", "top middle", "top right"),
    *("middle left", "middle", "middle right"),
    *("bottom left", "bottom middle", "bottom right"),
)


@expert("navigate-tree")
def navigate_tree(page: MiniWobPage) -> Move:
    """The name if it is in sight; else the first closed folder from the top."""
    wanted = quoted(page, r'named "(.*)"')
    for name in find_shown(page, "#tree span"):
        if name.text == wanted and name.at is not None:
            return click(name, f'"{wanted}"', FOUND)
    for folder in find_shown(page, "#tree li.expandable > span.folder"):
        if folder.at is not None:
            return click(folder, f'the folder "{folder.text}"', "Not in sight; open a folder.")
    raise ExpertLost(f"{wanted!r} is in no folder")


@expert("click-pie-nodelay")
def click_pie(page: MiniWobPage) -> Move:
    """Open the menu, click the item.

    One item, chosen from the start (white letter), is redrawn whenever the pointer comes over
    it. A frame between press and release loses the click: about every sixth seed wants that
    item and fails more often than not.
    """
    wanted = quoted(page, r'labeled "(.*)"')
    for item in find_shown(page, "#area svg text"):
        if item.text == wanted and item.at is not None:
            return click(item, f'the item "{wanted}"', FOUND)
    for item in find_shown(page, "#area svg text"):
        if item.text == "+" and item.at is not None:
            return click(item, 'the "+" button', "The menu is closed.")
    raise ExpertLost(f"the pie menu shows neither {wanted!r} nor a plus sign")


@expert("number-checkboxes")
def number_checkboxes(page: MiniWobPage) -> Move:
    number = int(quoted(page, r'number "(\d)"'))
    wanted = page.evaluate("number => PATTERNS[number].flat()", number)
    boxes = find_all(page, "#checkboxes input")
    for n, (box, want) in enumerate(zip(boxes, wanted, strict=True)):
        if box.checked != bool(want):
            name = f"the checkbox in row {n // 4 + 1}, column {n % 4 + 1}"
            return click(box, name, WANTED if want else UNWANTED)
    return submit(page)


@expert("tic-tac-toe")
def tic_tac_toe(page: MiniWobPage) -> Move:
    board = tuple(page.evaluate("() => gameState"))
    free = [n for n in range(9) if board[n] == 0]
    if not free:
        raise ExpertLost("no free square")
    best = max(free, key=lambda n: (round(chance_after(placed(board, n, 1)), 9), -n))
    square = find(page, f"#ttt-{best}")
    return click(square, f"the {SQUARES[best]} square", thought_of(board, best))


def thought_of(board: Sequence[int], square: int) -> str:
    if wins(placed(board, square, 1), 1):
        return "Three in a row."
    if wins(placed(board, square, -1), -1):
        return "Block the other side."
    return "The best free square."


def wins(board: Sequence[int], mark: int) -> bool:
    return any(all(board[n] == mark for n in line) for line in LINES)


def placed(board: Sequence[int], square: int, mark: int) -> tuple[int, ...]:
    return tuple(mark if n == square else now for n, now in enumerate(board))


@cache
def chance_after(board: tuple[int, ...]) -> float:
    """The chance that X wins once it has moved, against the page's opponent.

    It wins or blocks when it can in 45 of 100 moves and plays anywhere in the rest.
    """
    if wins(board, 1):
        return 1.0
    free = [n for n in range(9) if board[n] == 0]
    if not free:
        return 0.0
    anywhere = sum(chance_before(placed(board, n, -1)) for n in free) / len(free)
    smart = [n for n in free if wins(placed(board, n, -1), -1)] or [
        n for n in free if wins(placed(board, n, 1), 1)
    ]
    if not smart:
        return anywhere
    clever = sum(chance_before(placed(board, n, -1)) for n in smart) / len(smart)
    return 0.55 * anywhere + 0.45 * clever


@cache
def chance_before(board: tuple[int, ...]) -> float:
    """The chance that X wins when it is X's turn."""
    free = [n for n in range(9) if board[n] == 0]
    if wins(board, -1) or not free:
        return 0.0
    return max(chance_after(placed(board, n, 1)) for n in free)


@expert("email-inbox-delete")
def email_delete(page: MiniWobPage) -> Move:
    return click_icon(page, quoted(page, r"email by (\w+) and"), "trash")


@expert("email-inbox-important")
def email_important(page: MiniWobPage) -> Move:
    return click_icon(page, quoted(page, r"email by (\w+) and"), "star")


def click_icon(page: MiniWobPage, sender: str, icon: str) -> Move:
    """In the list of mails; back to it first from a wrong mail or from the search."""
    opened = find_shown(page, "#email")
    if opened:
        if find(page, "#email .email-sender").text != sender:
            return click(find(page, "#close-email"), "the back arrow", "This is another email.")
        return click(find(page, f"#email .{icon}"), f"the {icon} icon", f"The email by {sender}.")
    if find_shown(page, "#search-bar"):
        return click(find(page, "#search-cancel"), "the back arrow", "No need to search.")
    senders = find_all(page, "#main .email-sender")
    icons = find_all(page, f"#main .email-actions .{icon}")
    return click(of_sender(senders, icons, sender), f"the {icon} icon", f"The email by {sender}.")


def of_sender(senders: Sequence[Element], icons: Sequence[Element], sender: str) -> Element:
    for who, icon in zip(senders, icons, strict=True):
        if who.text == sender:
            return icon
    raise ExpertLost(f"no email by {sender}")
