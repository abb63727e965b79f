"""What hands do, with the sentence that goes with it: moves an oracle yields."""

from collections.abc import Iterator

from env.accessible_tree import Node
from env.actions import Click, Drag, Keys, Point, TypeText
from env.screen import Box
from env.tasks.suites.desktop.oracles.registry import Move
from env.tasks.suites.desktop.oracles.sight import Sight


def click(
    target: Node | Box, what: str, thought: str = "", *, count: int = 1, button: str = "left"
) -> Move:
    """In the middle of it. `what`: as in "the Save button"."""
    box = target.box if isinstance(target, Node) else target
    assert box is not None, f"{what} has no box"
    verb = {("left", 1): "Click", ("left", 2): "Double-click", ("right", 1): "Right-click"}
    return Move(
        action=Click(middle(box), count=count, button=button),  # type: ignore[arg-type]
        target=box,
        words=f"{verb[button, count]} {what}.",
        thought=thought,
    )


def press(*keys: str, thought: str = "", presses: int = 1) -> Move:
    times = f" {presses} times" if presses > 1 else ""
    return Move(
        action=Keys(keys, presses=presses),
        target=None,
        words=f"Press {'+'.join(keys)}{times}.",
        thought=thought,
    )


def write(text: str, what: str, thought: str = "") -> Move:
    """`what`: where to, as in "the name field"."""
    shown = " ".join(text.split())
    shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
    return Move(
        action=TypeText(text), target=None, words=f'Type "{shown}" into {what}.', thought=thought
    )


def drag(start: Point, end: Point, words: str, thought: str = "") -> Move:
    return Move(action=Drag(start, end), target=None, words=words, thought=thought)


def choose(sight: Sight, *path: str, app: str = "", thought: str = "") -> Iterator[Move]:
    """Through the menu bar: the menu, its submenus, the item."""
    menu, *rest = path
    yield click(
        # LibreOffice has its menus twice; the later ones are those that are drawn.
        sight.find("menu", menu, app=app, states=("sensitive",), nth=-1),
        f"the {menu} menu",
        thought or f"{rest[-1]} is in a menu.",
    )
    for name in rest:
        item = sight.find("menu item|menu|check menu item|radio menu item", name, app=app, nth=-1)
        yield click(item, f'"{name}"', "The menu is open.")


def fill(sight: Sight, field: Node, text: str, what: str, thought: str = "") -> Iterator[Move]:
    """Replace whatever a one-line field holds."""
    if not field.has("focused"):
        yield click(field, what, thought)
    if sight.text(field):
        yield press("ctrl", "a", thought="What is there is to go.")
    yield write(text, what, thought)


def middle(box: Box) -> Point:
    return Point((box.left + box.right) // 2, (box.top + box.bottom) // 2)
